// Benchmarks as the hub has them: Parquet files with the pictures in them.
import fs from 'node:fs';
import path from 'node:path';
import { invalid } from 'node-paligemma/support';
import type { Question } from '../benchmark.js';
import { ParquetFile, type Row } from './parquet.js';
import { bytesOf, cell } from './pictures.js';

/** A data set of the hub, with the names of its columns. */
export interface HubData<R extends object = Row> {
  /** `owner/name` */
  repository: string;
  /** Folder of the files, where it is not `data`. */
  folder?: string;
  /** Of the benchmark's splits, what the files' names begin with. */
  files: Readonly<Record<string, string>>;
  /** Columns of a row, beside the picture. */
  columns: readonly (keyof R & string)[];
  /** Columns that some editions lack. */
  optional?: readonly (keyof R & string)[];
  /** Whether some rows are without a picture; they are not asked. */
  somePictures?: boolean;
  /** Where the pictures are in files of their own: the folder, and the column there and here by which they are found. */
  pictures?: { folder: string; id: string; of: keyof R & string };
  /**
   * Undefined for a row that is not of the split.
   * @param place of the row, from 0
   */
  question(row: R, split: string, place: number): Omit<Question, 'image'> | undefined;
}

const PICTURE = 'image';

/** A benchmark takes rows as they are said to be; what they are is seen when they are used. */
export const hubData = <R extends object>(data: HubData<R>): HubData => data as unknown as HubData;

export const hubAddress = ({ repository }: HubData): string => `https://huggingface.co/datasets/${repository}`;

/**
 * The files of a split in the folder itself, or where a copy of the repository has them: all parts, or none.
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT when a part is missing
 */
export function hubFiles(root: string, { files, folder = 'data' }: HubData, split: string): string[] {
  const first = files[split];
  if (first === undefined) return [];
  const within = filesIn(path.join(root, folder), first);
  return within.length > 0 ? within : filesIn(root, first);
}

function filesIn(folder: string, first: string): string[] {
  const names = fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory() ? fs.readdirSync(folder).sort() : [];
  const found = names.filter(
    (name) => name.startsWith(first) && /^[-.]/.test(name.slice(first.length)) && name.endsWith('.parquet'),
  );
  const count = Number(/-\d{5}-of-(\d{5})/.exec(found[0] ?? '')?.[1] ?? found.length);
  if (count !== found.length) throw invalid(`${folder} has ${found.length} of ${count} files ${first}-*.parquet`);
  return found.map((name) => path.join(folder, name));
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT for files that cannot be read or lack a column */
export async function* hubQuestions(
  { pictures, somePictures, columns, optional = [], question, files }: HubData,
  { root, found, split }: { root: string; found: readonly string[]; split: string },
): AsyncGenerator<Question> {
  const apart =
    pictures && (await cellsById(filesIn(path.join(root, pictures.folder), files[split] ?? ''), pictures.id));
  let place = -1;
  for await (const { row, file, at } of rows(found, somePictures ? [...columns, PICTURE] : columns, optional)) {
    place++;
    if (somePictures && !bytesOf(row[PICTURE])) continue;
    const asked = question(row, split, place);
    if (!asked) continue;
    const image = pictures ? apart?.get(String(row[pictures.of])) : cell(file, PICTURE, at);
    if (image === undefined)
      throw invalid(`${root} lacks the picture ${row[pictures?.of ?? '']} in ${pictures?.folder}/*.parquet`);
    yield { ...asked, image };
  }
}

async function cellsById(files: readonly string[], id: string): Promise<Map<string, string>> {
  const cells = new Map<string, string>();
  for await (const { row, file, at } of rows(files, [id])) cells.set(String(row[id]), cell(file, PICTURE, at));
  return cells;
}

async function* rows(files: readonly string[], columns: readonly string[], optional: readonly string[] = []) {
  for (const name of files) {
    const file = await ParquetFile.open(name);
    const wanted = [...columns, ...optional.filter((column) => file.has(column))];
    for (const group of file.groups)
      for (const [i, row] of (await file.read(group, wanted)).entries()) yield { row, file: name, at: group.start + i };
  }
}
