import { open } from 'node:fs/promises';
import tar from 'tar-stream';
import { invalid } from '../../check.js';
import type { BatchResult, SampleFiles } from '../item.js';
import { GrowingFile } from './growing-file.js';
import { parseResult } from './jsonl.js';
import { type BatchOutput, beginning } from './output.js';
import { Seen } from './seen.js';
import { walkTar } from './walk-tar.js';

const TRAILER = Buffer.alloc(1024);
/** The last file of a sample, by which it is known to be whole. */
const LAST = 'json';

/**
 * A WebDataset: for each item `KEY.jpg` (what the picture is), the other files of its sample, `KEY.caption` with the text (of
 * objects: their JSON), and `KEY.json` with the whole result. Without the trailer of a tar until it is closed, which tar programs
 * put up with.
 */
export async function openTar(target: string, resume: boolean): Promise<BatchOutput> {
  const seen = new Seen();
  const length = resume ? await readSeen(target, seen) : 0;
  const file = await GrowingFile.open(target, length);
  let turn: Promise<unknown> = Promise.resolve();
  return {
    wantsFiles: true,
    has: seen.has,
    write(result, files = []) {
      // Packed at the same time, appended in their order.
      const packed = sample(result, files);
      const appended = turn.then(async () => ({ done: file.append(await packed) }));
      turn = appended.catch(() => {});
      return appended.then(({ done }) => done);
    },
    async close() {
      await file.append(TRAILER).catch(() => {}); // who wrote the last result knows
      await file.close();
    },
  };
}

async function sample(result: BatchResult, files: SampleFiles): Promise<Buffer> {
  const key = keyOfSample(result.id, files[0]?.extension);
  const kept = files.filter(({ extension }) => extension !== 'caption' && extension !== LAST);
  const { text, objects } = result;
  const caption = text ?? (objects && JSON.stringify(objects));
  const entry = (extension: string) => ({ name: `${key}.${extension}`, mtime: new Date(0) }); // the same input, the same tar
  const pack = tar.pack();
  for (const { extension, data } of kept) pack.entry(entry(extension), Buffer.from(data));
  if (caption !== undefined) pack.entry(entry('caption'), caption);
  pack.entry(entry(LAST), JSON.stringify(result));
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack as AsyncIterable<Buffer>) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  return whole.subarray(0, whole.length - TRAILER.length);
}

/** A name within the tar: relative, without what WebDataset would take for an extension. */
const keyOfSample = (id: string, extension = ''): string =>
  id
    .slice(0, extension !== '' && id.endsWith(`.${extension}`) ? -extension.length - 1 : undefined)
    .replace(/^[a-z][a-z+.-]*:\/\//i, '')
    .replace(/[\\:*?"<>|#\0]/g, '_')
    .replace(/[^/]*$/, (name) => name.replaceAll('.', '_'))
    .replace(/(^|\/)\.{1,2}(?=\/)/g, '$1_')
    .replace(/^\/+/, '') || '_';

/** How far the tar is whole: after the last sample that has its `.json`. What is after that may be one torn sample, no more. */
async function readSeen(target: string, seen: Seen): Promise<number> {
  const file = await open(target);
  let length = 0;
  const torn = new Set<string>();
  try {
    for await (const { name, end, read } of walkTar(file)) {
      torn.add(name.replace(/\.[^/]*$/, ''));
      if (!name.endsWith(`.${LAST}`)) continue;
      const result = parseResult((await read()).toString());
      if (!result) continue;
      seen.add(result);
      length = end;
      torn.clear();
    }
  } finally {
    await file.close();
  }
  if (torn.size > 1 || (length === 0 && torn.size === 0 && (await beginning(target, 100)).includes('\n')))
    throw invalid(`${target} holds something else than results of a batch, so that nothing is added to it`);
  return length;
}
