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
  { window, ordered, signal: outer, weigh = () => 0 }: RunOptions<T>,
): AsyncGenerator<R, void, undefined> {
  const left = new AbortController();
  const signal = outer ? AbortSignal.any([outer, left.signal]) : left.signal;
  const underWay = new UnderWay<R>(window, ordered, signal);
  const reading = read(items, underWay, (item) => ({ bytes: weigh(item), result: work(item, signal) }), signal);
  try {
    yield* underWay.results();
  } finally {
    left.abort();
    await Promise.race([reading, new Promise((resolve) => setTimeout(resolve, 100).unref())]); // a source may never answer
  }
}

/** The side of the source: begins with an item whenever there is room. */
async function read<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  underWay: UnderWay<R>,
  begin: (item: T) => { bytes: number; result: Promise<R> },
  signal: AbortSignal,
): Promise<void> {
  try {
    const reader = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
    while (!signal.aborted) {
      await underWay.room();
      const next = await reader.next();
      if (next.done || signal.aborted) break;
      const { bytes, result } = begin(next.value);
      underWay.add(bytes, result);
    }
    await reader.return?.();
    underWay.end();
  } catch (error) {
    underWay.end({ error });
  }
}

/** What is under way or finished and not taken yet. */
class UnderWay<R> {
  readonly #items: number;
  readonly #ordered: boolean;
  readonly #signal: AbortSignal;
  /** By the number of the item, in the order of finishing. */
  readonly #finished = new Map<number, { result: R; bytes: number }>();
  #failure: { error: unknown } | undefined;
  /** How the source ended. With an error what was read before is still worked on. */
  #ended: { broken: { error: unknown } | undefined } | undefined;
  #started = 0;
  #taken = 0;
  #held = 0;
  #news: Deferred<void> = deferred();
  #room: Deferred<void> = deferred();

  constructor(items: number, ordered: boolean, signal: AbortSignal) {
    this.#items = items;
    this.#ordered = ordered;
    this.#signal = signal;
    if (signal.aborted) this.#abort();
    else signal.addEventListener('abort', () => this.#abort(), { once: true });
  }

  /** Resolves when another item may be begun, or all is over. */
  async room(): Promise<void> {
    while ((this.#started - this.#taken >= this.#items || this.#held >= HELD_BYTES) && !this.#signal.aborted) {
      this.#room = deferred();
      await this.#room.promise;
    }
  }

  /** An item that was begun. */
  add(bytes: number, result: Promise<R>): void {
    const index = this.#started++;
    this.#held += bytes;
    result.then(
      (result) => {
        this.#finished.set(index, { result, bytes });
        this.#news.resolve();
      },
      (error) => this.#fail(error),
    );
  }

  /** Nothing more comes. */
  end(broken?: { error: unknown }): void {
    this.#ended = { broken };
    this.#news.resolve();
  }

  /** The side of who takes them. */
  async *results(): AsyncGenerator<R, void, undefined> {
    while (true) {
      this.#news = deferred();
      if (this.#failure) throw this.#failure.error;
      const next = this.#take();
      if (next) {
        yield next.result;
        this.#taken++;
        this.#held -= next.bytes;
        this.#room.resolve();
      } else if (this.#ended && this.#taken === this.#started) {
        if (this.#ended.broken) throw this.#ended.broken.error;
        return;
      } else {
        await this.#news.promise;
      }
    }
  }

  #take(): { result: R; bytes: number } | undefined {
    const index = this.#ordered ? this.#taken : this.#finished.keys().next().value;
    const next = index === undefined ? undefined : this.#finished.get(index);
    if (next) this.#finished.delete(index as number);
    return next;
  }

  #abort(): void {
    this.#room.resolve();
    this.#fail(this.#signal.reason);
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#news.resolve();
  }
}
