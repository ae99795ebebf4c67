import fs from 'node:fs';
import { createGunzip } from 'node:zlib';
import type { BatchItem } from 'node-paligemma';
import {
  FETCH_LIMIT_BYTES,
  FILES,
  invalid,
  parseJson,
  reasonOf,
  type SampleFiles,
  show,
  type Unusable,
} from 'node-paligemma/support';
import tar from 'tar-stream';
import { PICTURES } from './pictures.js';

export const isTar = (input: string): boolean => /\.(tar|tar\.gz|tgz)$/i.test(input);

/** Of fields: results with masks of many objects are a few MiB. */
const JSON_LIMIT_BYTES = 16 << 20;
/** A sample is in memory as a whole. */
const SAMPLE_FILES = 1000;

interface Sample {
  key: string;
  names: Set<string>;
  /** Of what is kept. */
  bytes: number;
  image?: Buffer;
  fields: Record<string, unknown>;
  files: SampleFiles;
  problem?: string;
}

/**
 * Samples of a WebDataset: neighbouring files whose names are equal up to the first dot, one of them a picture. The fields of a
 * `.json` are carried over to the result. The tar is read as a stream, a sample at a time; one that is too large for memory is an
 * error, and the rest goes on.
 * @param keepFiles all files of a sample come with it
 */
export async function* readTar(file: string, keepFiles: boolean): AsyncGenerator<BatchItem | Unusable> {
  const extract = tar.extract();
  const bytes = fs.createReadStream(file);
  const fail = (error: Error) => extract.destroy(error);
  const unpacked = /gz$/i.test(file) ? bytes.on('error', fail).pipe(createGunzip()) : bytes;
  unpacked.on('error', fail).pipe(extract);
  let sample: Sample | undefined;
  try {
    for await (const entry of extract) {
      const { name, type, size = 0 } = entry.header;
      const [, key, extension] = /^((?:.*\/)?[^/.]+)\.([^/]+)$/.exec(name) ?? [];
      if (type !== 'file' || key === undefined || extension === undefined) {
        entry.resume();
        continue;
      }
      if (sample?.key !== key) {
        if (sample) yield itemOf(sample, file, keepFiles);
        sample = { key, names: new Set(), bytes: 0, fields: {}, files: [] };
      }
      const picture = PICTURES.test(name) && !sample.image;
      const wanted = picture || keepFiles || extension === 'json';
      sample.problem ??= problemOf(sample, name, wanted ? size : 0);
      if (sample.problem || !wanted) {
        entry.resume();
        continue;
      }
      sample.bytes += size;
      const data = await content(entry as AsyncIterable<Buffer>);
      if (picture) sample.image = data;
      if (keepFiles) sample.files.push({ extension, data });
      if (extension === 'json') readFields(sample, name, data);
    }
    if (sample) yield itemOf(sample, file, keepFiles);
  } catch (error) {
    const after = sample ? ` after ${sample.key}` : '';
    throw invalid(`${file} cannot be read on${after}: it is no whole tar (${reasonOf(error)})`);
  } finally {
    bytes.destroy();
  }
}

/** What is wrong with a further file of a sample, by which the sample becomes an error. */
function problemOf({ names, bytes }: Sample, name: string, size: number): string | undefined {
  if (names.has(name)) return `${name} is there twice`;
  if (names.size === SAMPLE_FILES) return `its sample has more than ${SAMPLE_FILES} files, such as ${name}`;
  names.add(name);
  const limit = /\.json$/.test(name) ? JSON_LIMIT_BYTES : FETCH_LIMIT_BYTES;
  if (size > limit) return `${name} is larger than the limit of ${limit >> 20} MiB`;
  if (bytes + size > FETCH_LIMIT_BYTES)
    return `the files of its sample up to ${name} are larger than the limit of ${FETCH_LIMIT_BYTES >> 20} MiB together`;
  return undefined;
}

function itemOf(
  { key, image, fields, files, problem }: Sample,
  file: string,
  keepFiles: boolean,
): BatchItem | Unusable {
  if (problem) return { id: key, error: invalid(`${file}: ${problem}`) };
  if (!image) return { id: key, error: invalid(`${file}: the sample ${key} has no picture`) };
  return { ...fields, id: key, source: file, image, ...(keepFiles ? { [FILES]: files } : {}) };
}

async function content(entry: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of entry) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function readFields(sample: Sample, name: string, data: Buffer): void {
  try {
    const value = parseJson(data.toString());
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`it is ${show(value)}`);
    const { id, image, source, task, prompt, question, labels, language, ...fields } = value as Record<string, unknown>;
    // What describes a sample does not say what to ask about it: fields that would mean something to a batch are set aside.
    const input = { id, image, source, task, prompt, question, labels, language };
    const set = Object.entries(input).filter(([, value]) => value !== undefined);
    sample.fields =
      set.length > 0 ? { ...fields, input: { ...(fields.input as object), ...Object.fromEntries(set) } } : fields;
  } catch (error) {
    sample.problem ??= `${name} is no JSON object: ${reasonOf(error)}`;
  }
}
