// Who may ask a model now, and who waits.
import { HttpError } from '../errors.js';

interface Waiting {
  enter(): void;
  refuse(reason: unknown): void;
}

/** So many at a time, so many more that wait, in the order in which they came. */
export class Places {
  readonly #waiting = new Set<Waiting>();
  #inside = 0;
  #stopped: { reason: unknown } | undefined;

  constructor(
    private readonly capacity: number,
    private readonly mostWaiting: number,
  ) {}

  get inside(): number {
    return this.#inside;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /**
   * Waits for a place.
   * @returns leaves it
   * @throws HttpError 429 when too many wait; the signal's reason when aborted; the reason of {@link stop}
   */
  async enter(signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#stopped) throw this.#stopped.reason;
    if (this.#inside < this.capacity) this.#inside++;
    else await this.#wait(signal);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#inside--;
      this.#admit();
    };
  }

  /** Who waits is told, as is who comes later; who is inside finishes. */
  stop(reason: unknown): void {
    this.#stopped ??= { reason };
    for (const waiting of this.#waiting) waiting.refuse(reason);
  }

  #wait(signal: AbortSignal): Promise<void> {
    if (this.#waiting.size >= this.mostWaiting)
      throw new HttpError(429, 'ERR_BUSY', 'too many requests wait already; try again', { retryAfter: 1 });
    return new Promise((resolve, reject) => {
      const done = () => {
        signal.removeEventListener('abort', abort);
        this.#waiting.delete(waiting);
      };
      const waiting: Waiting = {
        enter() {
          done();
          resolve();
        },
        refuse(reason) {
          done();
          reject(reason);
        },
      };
      const abort = () => waiting.refuse(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.add(waiting);
    });
  }

  #admit(): void {
    const [next] = this.#waiting;
    if (!next || this.#inside >= this.capacity) return;
    this.#inside++;
    next.enter();
  }
}
