import type { Progress } from '../types.js';

const REPORT_MS = 100;
/** The speed shown is that of the last seconds. */
const WINDOW_MS = 5_000;

/** Turns bytes done into progress with speed and time left, at most ten times a second. Throws what the callback throws. */
export class ProgressMeter {
  readonly #samples: [time: number, done: number][];
  #reported = Number.NEGATIVE_INFINITY;

  /** @param done what was there before; it is no part of the speed */
  constructor(
    private readonly stage: Progress['stage'],
    private readonly total: number,
    private readonly callback: ((progress: Progress) => void) | undefined,
    private done = 0,
  ) {
    this.#samples = [[performance.now(), done]];
  }

  /** Negative for bytes that have to come again. That everything is done is for `finish` to say. */
  add(bytes: number): void {
    this.update(this.done + bytes);
  }

  update(done: number): void {
    this.done = done;
    const now = performance.now();
    if (done < this.total && now - this.#reported >= REPORT_MS) this.#report(now);
  }

  finish(): void {
    this.done = this.total;
    this.#report(performance.now());
  }

  #report(now: number): void {
    this.#reported = now;
    const samples = this.#samples;
    samples.push([now, this.done]);
    while (samples.length > 2 && now - (samples[0] as [number, number])[0] > WINDOW_MS) samples.shift();
    const [since, before] = samples[0] as [number, number];
    const speed = now > since ? Math.max(((this.done - before) / (now - since)) * 1000, 0) : 0;
    const left = this.total - this.done;
    this.callback?.({
      stage: this.stage,
      done: this.done,
      total: this.total,
      speed,
      timeLeft: left === 0 ? 0 : left / speed,
    });
  }
}
