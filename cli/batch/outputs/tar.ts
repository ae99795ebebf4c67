import { open } from 'node:fs/promises';
import type { BatchResult } from 'node-paligemma';
import { invalid, itemId, type SampleFiles } from 'node-paligemma/support';
import tar from 'tar-stream';
import { GrowingFile } from './growing-file.js';
import { parseResult } from './jsonl.js';
import { answerText, asJson, type BatchOutput, beginning, type KindOptions } from './output.js';
import { Renames } from './renames.js';
import { SampleNames } from './sample-names.js';
import { Seen } from './seen.js';
import { walkTar } from './walk-tar.js';

const TRAILER = Buffer.alloc(1024);
/** The last file of a sample, by which it is known to be whole. */
const LAST = 'json';

/**
 * A WebDataset: for each item, under a name of its own, `KEY.jpg` (what the picture is), the other files of its sample,
 * `KEY.caption` with the text (of objects or a choice: the JSON), and `KEY.json` with the whole result. Without the trailer of a tar until
 * it is closed, which tar programs put up with.
 */
export async function openTar(target: string, { resume, say }: KindOptions): Promise<BatchOutput> {
  const seen = new Seen();
  const renames = new Renames(say);
  const names = new SampleNames(renames);
  const length = resume ? await readSeen(target, seen, names) : 0;
  const file = await GrowingFile.open(target, length);
  let turn: Promise<unknown> = Promise.resolve();
  return {
    wantsFiles: true,
    has(entry, index) {
      if (seen.has(entry, index)) return true;
      names.give(itemId(entry, index), index);
      return false;
    },
    write(result, files = []) {
      // Packed at the same time, appended in their order.
      const packed = sample(names.take(result.id, result.index), result, files);
      const appended = turn.then(async () => ({ done: file.append(await packed) }));
      turn = appended.catch(() => {});
      return appended.then(({ done }) => done);
    },
    async close() {
      await file.append(TRAILER).catch(() => {}); // who wrote the last result knows
      await file.close();
      renames.end();
    },
  };
}

async function sample(key: string, result: BatchResult, files: SampleFiles): Promise<Buffer> {
  const kept = files.filter(({ extension }) => extension !== 'caption' && extension !== LAST);
  const caption = answerText(result);
  const entry = (extension: string) => ({ name: `${key}.${extension}`, mtime: new Date(0) }); // the same input, the same tar
  const pack = tar.pack();
  for (const { extension, data } of kept) pack.entry(entry(extension), Buffer.from(data));
  if (caption !== undefined) pack.entry(entry('caption'), caption);
  pack.entry(entry(LAST), asJson(result, result.id));
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack as AsyncIterable<Buffer>) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  return whole.subarray(0, whole.length - TRAILER.length);
}

/** How far the tar is whole: after the last sample that has its `.json`. What is after that may be one torn sample, no more. */
async function readSeen(target: string, seen: Seen, names: SampleNames): Promise<number> {
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
      names.add(name.slice(0, -LAST.length - 1));
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
