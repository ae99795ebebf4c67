import { setMaxListeners } from 'node:events';

/** A place that work has in a {@link Gate}. */
export interface Place {
  /** Aborted when the caller aborts and when the gate is closed, with the reason. */
  signal: AbortSignal;
  /** Tells what the work weighs after all. More than was said is held at once; others wait the longer. */
  reweigh(weight: number): void;
}

interface Waiting {
  weight: number;
  enter(): void;
}

/**
 * Lets in work that weighs so much together, in the order in which it came: nothing light overtakes something heavy that waits.
 * What weighs more than the gate allows goes alone.
 */
export class Gate {
  readonly #waiting = new Set<Waiting>();
  readonly #ends = new Set<AbortController>();
  #taken = 0;
  #closed: { reason: unknown } | undefined;

  constructor(readonly capacity: number) {}

  /**
   * Waits for a place, works, and leaves it to the next one. An abort rejects at once with the signal's reason, {@link close}
   * with its own; work that is under way keeps its place until it has ended.
   */
  async run<T>(work: (place: Place) => Promise<T>, signal?: AbortSignal, weight = 1): Promise<T> {
    if (this.#closed) throw this.#closed.reason;
    const end = new AbortController();
    setMaxListeners(0, end.signal); // one for each picture of a request
    const abort = () => end.abort(signal?.reason);
    if (signal?.aborted) throw signal.reason;
    signal?.addEventListener('abort', abort, { once: true });
    this.#ends.add(end);
    try {
      if (this.#waiting.size > 0 || !this.#fits(weight)) await this.#wait(weight, end.signal);
      else this.#taken += weight;
      return await this.#work(work, end.signal, weight);
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#ends.delete(end);
    }
  }

  /** Rejects what waits and what is under way, and all that comes later, with a reason. */
  close(reason: unknown): void {
    this.#closed ??= { reason };
    for (const end of this.#ends) end.abort(reason);
  }

  #fits(weight: number): boolean {
    return this.#taken === 0 || this.#taken + weight <= this.capacity;
  }

  #wait(weight: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        weight,
        enter() {
          signal.removeEventListener('abort', abort);
          resolve();
        },
      };
      const abort = () => {
        this.#waiting.delete(waiting);
        reject(signal.reason);
        this.#admit(); // the next one may be lighter
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  #work<T>(work: (place: Place) => Promise<T>, signal: AbortSignal, weight: number): Promise<T> {
    let taken = weight;
    const reweigh = (now: number) => {
      this.#taken += now - taken;
      taken = now;
      this.#admit();
    };
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      // Between being let in and beginning there is a moment in which it may end.
      (signal.aborted ? Promise.reject(signal.reason) : work({ signal, reweigh }))
        .finally(() => reweigh(0))
        .then(resolve, reject);
    });
  }

  /** Hands places on, so that nobody who comes later takes them first. */
  #admit(): void {
    for (const waiting of this.#waiting) {
      if (!this.#fits(waiting.weight)) return;
      this.#waiting.delete(waiting);
      this.#taken += waiting.weight;
      waiting.enter();
    }
  }
}
