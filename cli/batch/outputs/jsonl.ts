import fs from 'node:fs';
import type { BatchResult } from 'node-paligemma';
import { invalid } from 'node-paligemma/support';
import { lines } from '../lines.js';
import { GrowingFile } from './growing-file.js';
import { asJson, type BatchOutput, beginning, type KindOptions } from './output.js';
import { Seen } from './seen.js';

/** A result a line. */
export async function openJsonl(target: string, { resume }: KindOptions): Promise<BatchOutput> {
  const seen = new Seen();
  const length = resume ? await readSeen(target, seen) : 0;
  const file = await GrowingFile.open(target, length);
  return {
    has: seen.has,
    write: (result) => file.append(`${asJson(result, result.id)}\n`),
    close: () => file.close(),
  };
}

/** How far the file is whole. Only its last line may be torn; anything else is not ours to cut. */
async function readSeen(target: string, seen: Seen): Promise<number> {
  let length = 0;
  let number = 0;
  let torn: number | undefined;
  for await (const { text, end, whole } of lines(fs.createReadStream(target))) {
    number++;
    if (torn !== undefined)
      throw invalid(`${target}, line ${torn}: no result of a batch, so that nothing is added to this file`);
    const result = parseResult(text);
    if (result && whole) {
      seen.add(result);
      length = end;
    } else torn = number;
  }
  // Its one line may be the beginning of a result, or some other text.
  if (torn === 1 && !'{"id":"'.startsWith(await beginning(target, 7)))
    throw invalid(`${target} holds no results of a batch, so that nothing is added to it`);
  return length;
}

/** A result as it was written, or nothing when that is something else. */
export function parseResult(line: string): BatchResult | undefined {
  try {
    const result = JSON.parse(line);
    return typeof result.id === 'string' && Number.isInteger(result.index) ? result : undefined;
  } catch {
    return undefined;
  }
}
