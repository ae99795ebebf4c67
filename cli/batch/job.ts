// A batch with an output: what `paligemma batch` does.
import { type BatchItem, type BatchResult, PaliGemmaError } from 'node-paligemma';
import {
  describe,
  heldBytes,
  numbered,
  type Outcome,
  resultOf,
  run,
  type SampleFiles,
  type Unusable,
  Withdrawn,
} from 'node-paligemma/support';
import type { BatchOutput } from './outputs/output.js';
import { withFiles } from './sample.js';
import { until } from './until.js';

export interface Job {
  entries: AsyncIterable<BatchItem | Unusable>;
  /** @throws Withdrawn when the job was stopped before anybody began with the item */
  answer: (item: BatchItem, index: number, signal: AbortSignal) => Promise<Outcome>;
  /** Items in work at a time. */
  window: number;
  ordered: boolean;
  output: BatchOutput;
  /** The job ends when more entries than this failed. */
  maxErrors: number;
  /** Begin nothing more, finish what is begun. */
  stop: AbortSignal;
  /** End at once. */
  signal: AbortSignal;
  /** Of an entry that has its result from before. */
  onSkipped(): void;
  /** Of a result that is on the disk (or of an error, for which an output has no place). */
  onDone(result: BatchResult): void;
}

interface Numbered {
  entry: BatchItem | Unusable;
  index: number;
}

/** An entry's result, none where the entry was withdrawn, and the files of it that the output wants. */
async function answered(
  { entry, index }: Numbered,
  { output, answer }: Pick<Job, 'output' | 'answer'>,
  signal: AbortSignal,
) {
  let files: SampleFiles | undefined;
  const ask = async (given: BatchItem) => {
    if (!output.wantsFiles) return answer(given, index, signal);
    const ready = await withFiles(given, signal);
    files = ready.files;
    return answer(ready.item, index, signal);
  };
  const result = await resultOf(entry, index, ask, signal).catch((error) => {
    if (error instanceof Withdrawn) return undefined;
    throw error;
  });
  return { result, files };
}

/**
 * Answers all entries that have no result yet and writes the results. What is reported is on the disk; the rest is done by
 * running the job again with the same output, resumed.
 * @throws PaliGemmaError ERR_TOO_MANY_ERRORS, ERR_DISK_FULL, ERR_INVALID_ARGUMENT for a source that cannot be read on; the signal's reason
 */
export async function runJob({ output, answer, window, ordered, maxErrors, onDone, ...job }: Job): Promise<void> {
  const failed = new AbortController();
  let errors = 0;
  const done = (result: BatchResult) => {
    onDone(result);
    if (result.error && ++errors > maxErrors)
      failed.abort(
        new PaliGemmaError(
          'ERR_TOO_MANY_ERRORS',
          `${errors} images failed, more than ${maxErrors}: the last one, ${result.id}, with: ${result.error.message}`,
        ),
      );
  };
  const write = async (result: BatchResult, files: SampleFiles | undefined) => {
    try {
      await output.write(result, files);
      done(result);
    } catch (error) {
      // No place for this one is a failure of this one; anything else is one of the output.
      if (error instanceof PaliGemmaError && error.code === 'ERR_INVALID_ARGUMENT')
        done({ id: result.id, index: result.index, error: describe(error) });
      else failed.abort(error);
    }
  };
  const left = numbered(until(job.entries, job.stop), (entry, index) => {
    const skipped = output.has(entry, index);
    if (skipped) job.onSkipped();
    return skipped;
  });
  const writing = new Set<Promise<void>>();
  try {
    const work = (of: Numbered, signal: AbortSignal) => answered(of, { output, answer }, signal);
    const signal = AbortSignal.any([job.signal, failed.signal]);
    const weigh = ({ entry }: Numbered) => heldBytes(entry);
    for await (const { result, files } of run(left, work, { window, ordered, signal, weigh })) {
      if (!result) continue;
      const written = write(result, files).finally(() => writing.delete(written));
      writing.add(written);
      if (writing.size >= window) await Promise.race(writing);
    }
  } finally {
    await Promise.all(writing);
  }
  failed.signal.throwIfAborted();
}
