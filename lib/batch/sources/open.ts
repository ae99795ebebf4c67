// Where the items of a batch come from, read as far as they are needed.
import fs from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { glob, isDynamicPattern } from 'tinyglobby';
import { invalid } from '../../check.js';
import { PaliGemmaError, reasonOf } from '../../errors.js';
import type { BatchItem, Unusable } from '../item.js';
import { readList } from './list.js';
import { PICTURES } from './pictures.js';
import { isTar, readTar } from './tar.js';

export interface SourceOptions {
  /** Keep all files of a tar's samples with them, to write them to another tar. Default false. */
  keepFiles?: boolean;
  standardInput?: Readable;
}

/**
 * @param input a folder (searched through, but for names that begin with a dot and links to folders), a glob, a list (`.txt`,
 *   `.jsonl`, ...; `-`: standard input), a WebDataset tar (`.tar`, `.tar.gz`, `.tgz`), or a picture
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT when there is no such thing or no picture in it, or it cannot be read on
 */
export async function* openSource(
  input: string,
  { keepFiles = false, standardInput = process.stdin }: SourceOptions = {},
): AsyncGenerator<BatchItem | Unusable> {
  const found = input === '-' ? undefined : await fs.promises.stat(input).catch(() => undefined);
  if (input === '-') yield* readList(standardInput, 'standard input', process.cwd());
  else if (found?.isDirectory()) yield* readFolder(input);
  else if (found && isTar(input)) yield* readTar(input, keepFiles);
  else if (found && PICTURES.test(input)) yield { image: input };
  else if (found) yield* readList(fs.createReadStream(input), input, path.dirname(input));
  else yield* readGlob(input);
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT when there is no such thing, before anything else is done */
export function checkSource(input: string): void {
  if (input !== '-' && !fs.existsSync(input) && !isDynamicPattern(input)) throw missing(input);
}

const missing = (input: string) => invalid(`${input}: no such folder, list, tar or picture, and no picture matches it`);

/** Whether each entry may ask something of its own. */
export const mayAsk = (input: string): boolean =>
  input === '-' ||
  isTar(input) ||
  (!PICTURES.test(input) && fs.statSync(input, { throwIfNoEntry: false })?.isFile() === true);

/** Whether to look through it for how much there is costs little. */
export const isListing = (input: string): boolean => input !== '-' && !isTar(input);

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

async function* readGlob(pattern: string): AsyncGenerator<BatchItem> {
  const names = (await glob(pattern, { expandDirectories: false })).filter((name) => PICTURES.test(name));
  if (names.length === 0) throw missing(pattern);
  for (const image of names.sort()) yield { image };
}
