// Where the items of a batch come from, read as far as they are needed.
import fs from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { type BatchItem, PaliGemmaError } from 'node-paligemma';
import { FORMATS, invalid, reasonOf, type Unusable } from 'node-paligemma/support';
import sharp from 'sharp';
import { glob, isDynamicPattern } from 'tinyglobby';
import { mayBeText, readList } from './list.js';
import { OTHER_PICTURES, PICTURES } from './pictures.js';
import { isTar, readTar } from './tar.js';

export interface SourceOptions {
  /** Keep all files of a tar's samples with them, to write them to another tar. Default false. */
  keepFiles?: boolean;
  /** End with an error where to go through costs as much as the work itself, or takes the input from it. Default false. */
  listingOnly?: boolean;
  standardInput?: Readable;
  /** Default: this one. */
  platform?: NodeJS.Platform;
}

/**
 * @param input a folder (searched through, but for names that begin with a dot and links to folders), a glob of pictures and
 *   tars, a list (`.txt`, `.jsonl`, ...; `-`: standard input), a WebDataset tar (`.tar`, `.tar.gz`, `.tgz`), or a picture
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT when there is no such thing or no picture in it, or it cannot be read on
 */
export async function* openSource(input: string, options: SourceOptions = {}): AsyncGenerator<BatchItem | Unusable> {
  const { keepFiles = false, listingOnly = false, standardInput = process.stdin, platform } = options;
  const kind = await kindOf(input);
  if (listingOnly && (kind === 'tar' || kind === 'stream')) throw invalid(`${input} cannot be listed`);
  if (input === '-') yield* readList(standardInput, 'standard input', process.cwd());
  else if (kind === 'folder') yield* readFolder(input);
  else if (kind === 'tar') yield* readTar(input, keepFiles);
  else if (kind === 'picture') yield { image: input };
  else if (kind === 'glob') yield* readGlob(patternOf(input, platform), options);
  else yield* readList(fs.createReadStream(input), input, path.dirname(input));
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT when there is no such thing, before anything else is done */
export async function checkSource(input: string, platform?: NodeJS.Platform): Promise<void> {
  if ((await kindOf(input)) === 'glob' && !isDynamicPattern(patternOf(input, platform))) throw missing(input);
}

const missing = (input: string) =>
  invalid(`${input}: no such folder, list, tar or picture, and none of them matches it`);

/** Whether each entry may ask something of its own. */
export const mayAsk = (input: string): boolean =>
  input === '-' ||
  isTar(input) ||
  (!PICTURES.test(input) && fs.statSync(input, { throwIfNoEntry: false })?.isDirectory() === false);

/** What is there; `glob` when nothing is. @throws PaliGemmaError ERR_INVALID_ARGUMENT for a file that holds something else */
async function kindOf(input: string): Promise<'folder' | 'tar' | 'picture' | 'list' | 'stream' | 'glob'> {
  if (input === '-') return 'stream';
  const found = await fs.promises.stat(input).catch(() => undefined);
  if (!found) return 'glob';
  if (found.isDirectory()) return 'folder';
  if (isTar(input)) return 'tar';
  if (PICTURES.test(input)) return 'picture';
  if (OTHER_PICTURES.test(input))
    throw invalid(`${input} is a picture of a kind that is not read: make a JPEG or PNG of it`);
  if (!found.isFile()) return 'stream';
  if (await isText(input)) return 'list';
  if (await isPicture(input)) return 'picture';
  throw invalid(`${input} is neither a picture that can be read nor a list, which is a text in UTF-8`);
}

async function isText(file: string): Promise<boolean> {
  for await (const bytes of fs.createReadStream(file, { end: 8191 })) return mayBeText(bytes);
  return true;
}

const isPicture = async (file: string): Promise<boolean> =>
  sharp(file)
    .metadata()
    .then(
      ({ format }) => FORMATS.has(format),
      () => false,
    );

/** A backslash parts folders on Windows, and takes the meaning of what follows it elsewhere. */
const patternOf = (input: string, platform = process.platform): string =>
  platform === 'win32' ? input.replaceAll('\\', '/') : input;

async function* readFolder(folder: string): AsyncGenerator<BatchItem | Unusable> {
  let some = false;
  for await (const entry of walk(folder)) {
    some = true;
    yield entry;
  }
  if (!some) throw invalid(`${folder}: there are no pictures in this folder`);
}

/** All pictures below a folder, folder by folder in the order of their names. */
async function* walk(folder: string): AsyncGenerator<BatchItem | Unusable> {
  let entries: fs.Dirent[];
  try {
    entries = await fs.promises.readdir(folder, { withFileTypes: true });
  } catch (error) {
    const message = `${folder} cannot be read: ${reasonOf(error)}`;
    yield { id: folder, error: new PaliGemmaError('ERR_INVALID_ARGUMENT', message, { cause: error }) };
    return;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const name = path.join(folder, entry.name);
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) yield* walk(name);
    else if (PICTURES.test(name)) yield { image: name };
  }
}

async function* readGlob(pattern: string, options: SourceOptions): AsyncGenerator<BatchItem | Unusable> {
  // From one drive of Windows no relative path leads to another, and the library makes one that leads nowhere.
  const names = await glob(pattern, { expandDirectories: false, absolute: /^[a-z]:\//i.test(pattern) });
  const found = names.filter((name) => PICTURES.test(name) || isTar(name)).sort();
  if (found.length === 0) throw missing(pattern);
  for (const name of found) yield* openSource(path.normalize(name), options);
}
