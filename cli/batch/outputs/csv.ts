import fs from 'node:fs';
import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import type { BatchResult } from 'node-paligemma';
import { ANSWER_FIELDS, invalid } from 'node-paligemma/support';
import { lines } from '../lines.js';
import { GrowingFile } from './growing-file.js';
import { asJson, type BatchOutput, type KindOptions, textOf } from './output.js';
import { Seen } from './seen.js';

/** What is no text is JSON; `milliseconds` is the whole time, waiting included; `fields` are the item's own. */
const COLUMNS = ['id', 'index', 'image', ...ANSWER_FIELDS, 'finishReason', 'error', 'milliseconds', 'fields'];

/** What makes a formula of a cell in a spreadsheet, and the apostrophe that keeps it from being one. */
const FORMULA = /^['=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const ESCAPED = new RegExp(`^'${FORMULA.source.slice(1)}`);

/**
 * A record a result (RFC 4180, line breaks as `\n`).
 * @param options.csvSafe puts an apostrophe before texts that a spreadsheet would take for formulas, and before those that have one
 */
export async function openCsv(target: string, { resume, csvSafe: safe = false }: KindOptions): Promise<BatchOutput> {
  const seen = new Seen();
  const length = resume ? await readSeen(target, seen, safe) : 0;
  const file = await GrowingFile.open(target, length);
  if (length === 0) await file.append(stringify([COLUMNS]));
  return { has: seen.has, write: (result) => file.append(record(result, safe)), close: () => file.close() };
}

function record(result: BatchResult, safe: boolean): string {
  const { id, index, image, finishReason, error, timings, ...others } = result;
  const fields = Object.entries(others).filter(([name]) => !ANSWER_FIELDS.includes(name));
  const cells = [
    id,
    index,
    image,
    ...ANSWER_FIELDS.map((name) => textOf(others[name])),
    finishReason,
    error && `${error.code}: ${error.message}`,
    timings?.total,
    fields.length > 0 ? asJson(Object.fromEntries(fields), id) : undefined,
  ];
  return stringify([safe ? cells.map((cell) => (FORMULA.test(String(cell)) ? `'${cell}` : cell)) : cells]);
}

/** How far the file is whole. Only its last record may be torn; anything else is not ours to cut. */
async function readSeen(target: string, seen: Seen, safe: boolean): Promise<number> {
  let length = 0;
  let number = 0;
  let pending = '';
  for await (const { text, end, whole } of lines(fs.createReadStream(target))) {
    pending += whole ? `${text}\n` : text;
    // A line break within quotes ends no record.
    if (!whole || pending.split('"').length % 2 === 0) continue;
    const record = parseRecord(pending);
    if (!record || (number === 0 && !isHeader(record))) {
      const what =
        number === 0
          ? `${target} holds no results of a batch`
          : `${target}, record ${number + 1}: no result of a batch`;
      throw invalid(`${what}, so that nothing is added to it`);
    }
    if (number > 0) seen.add({ ...fieldsOf(record), id: idOf(record[0] as string, target, safe) });
    number++;
    pending = '';
    length = end;
  }
  if (number === 0 && !stringify([COLUMNS]).startsWith(pending))
    throw invalid(`${target} holds no results of a batch, so that nothing is added to it`);
  return length;
}

/** Escaped and plain cells in one file could not be told apart. */
function idOf(cell: string, target: string, safe: boolean): string {
  if (!safe && ESCAPED.test(cell))
    throw invalid(`${target} was written with --csv-safe: go on with it in the same way`);
  if (safe && FORMULA.test(cell) && !ESCAPED.test(cell))
    throw invalid(
      `${target} was written without --csv-safe: go on with it in the same way, or begin anew (--overwrite)`,
    );
  return safe && ESCAPED.test(cell) ? cell.slice(1) : cell;
}

function parseRecord(text: string): string[] | undefined {
  try {
    const [record] = parse(text) as string[][];
    return record?.length === COLUMNS.length ? record : undefined;
  } catch {
    return undefined;
  }
}

const isHeader = (record: string[]): boolean => COLUMNS.every((name, i) => record[i] === name);

function fieldsOf(record: string[]): Record<string, unknown> {
  const text = record[COLUMNS.indexOf('fields')];
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    return {};
  }
}
