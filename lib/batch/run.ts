import { type Deferred, deferred } from '../base/deferred.js';

/** How much is under way at once, and in which order results come. */
export interface RunOptions<T> {
  /** Items worked on at a time, and finished ones that wait for who reads them. */
  window: number;
  /** Results in the order of the items instead of as they come. */
  ordered: boolean;
  signal: AbortSignal | undefined;
  /** Bytes that an item holds until its result is taken. Default: none. */
  weigh?: (item: T) => number;
}

/** Pictures that come in memory, as from a tar, are not read further ahead than this. */
const HELD_BYTES = 128 << 20;

/**
 * Works on items as they come, several at a time, and gives results as they are taken: an item is read from the source only
 * when there is room in the window and in memory (128 MiB of what `weigh` says). Leaving the loop aborts what is unfinished.
 * @param work gets a signal that is aborted with the whole; what it throws ends the whole
 * @throws what `work` or the items throw; the signal's reason when aborted
 */
export async function* run<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T, signal: AbortSignal) => Promise<R>,
  { window, ordered, signal, weigh = () => 0 }: RunOptions<T>,
): AsyncGenerator<R, void, undefined> {
  const left = new AbortController();
  const inner = signal ? AbortSignal.any([signal, left.signal]) : left.signal;
  const finished = new Map<number, { result: R; bytes: number }>(); // by the number of the item, in the order of finishing
  let failure: { error: unknown } | undefined;
  let broken: { error: unknown } | undefined; // the source: what was read before is still worked on
  let ended = false;
  let taken = 0;
  let started = 0;
  let held = 0;
  let news: Deferred<void> = deferred();
  let room: Deferred<void> = deferred();
  const tell = (error?: { error: unknown }) => {
    failure ??= error;
    news.resolve();
  };

  const read = async () => {
    const reader = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
    try {
      while (!inner.aborted) {
        while ((started - taken >= window || held >= HELD_BYTES) && !inner.aborted) {
          room = deferred();
          await room.promise;
        }
        const next = await reader.next();
        if (next.done || inner.aborted) break;
        const index = started++;
        const bytes = weigh(next.value);
        held += bytes;
        work(next.value, inner).then(
          (result) => {
            finished.set(index, { result, bytes });
            tell();
          },
          (error) => tell({ error }),
        );
      }
      await reader.return?.();
    } catch (error) {
      broken = { error };
    }
    ended = true;
    tell();
  };
  const abort = () => {
    room.resolve();
    tell({ error: inner.reason });
  };
  inner.addEventListener('abort', abort, { once: true });
  if (inner.aborted) abort();
  const reading = read();
  try {
    while (true) {
      news = deferred();
      if (failure) throw failure.error;
      const next = ordered ? (finished.has(taken) ? taken : undefined) : finished.keys().next().value;
      if (next !== undefined) {
        const { result, bytes } = finished.get(next) as { result: R; bytes: number };
        finished.delete(next);
        yield result;
        taken++;
        held -= bytes;
        room.resolve();
      } else if (ended && taken === started) {
        if (broken) throw broken.error;
        return;
      } else {
        await news.promise;
      }
    }
  } finally {
    left.abort();
    room.resolve();
    await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, 100).unref())]); // a source may never answer
  }
}
