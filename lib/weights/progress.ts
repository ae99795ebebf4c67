import type { Progress } from '../types.js';

/** The speed shown is that of the last seconds. */
const WINDOW_MS = 5_000;

/** Carries what a caller's callback threw, to be told from what went wrong here. */
export class CallbackError extends Error {
  constructor(readonly thrown: unknown) {
    super('a progress callback threw');
  }
}

/** Turns bytes done into progress with speed and time left. What the callback throws is kept, for it must not pass through native code. */
export class ProgressMeter {
  failed = false;
  thrown: unknown;
  readonly #samples: [time: number, bytes: number][] = [];

  constructor(
    private readonly stage: Progress['stage'],
    private readonly total: number,
    private readonly callback: ((progress: Progress) => void) | undefined,
  ) {}

  update(done: number): void {
    if (this.failed || !this.callback) return;
    const speed = this.#speed(done);
    try {
      this.callback({ stage: this.stage, done, total: this.total, speed, timeLeft: (this.total - done) / speed });
    } catch (error) {
      this.failed = true;
      this.thrown = error;
    }
  }

  throwIfFailed(): void {
    if (this.failed) throw new CallbackError(this.thrown);
  }

  /** Bytes a second, 0 at first. */
  #speed(done: number): number {
    const now = performance.now();
    const samples = this.#samples;
    samples.push([now, done]);
    while (samples.length > 2 && (samples[1] as [number, number])[0] < now - WINDOW_MS) samples.shift();
    const [then, before] = samples[0] as [number, number];
    return now > then ? ((done - before) / (now - then)) * 1000 : 0;
  }
}
