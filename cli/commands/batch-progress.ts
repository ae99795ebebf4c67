import { Presets, SingleBar } from 'cli-progress';
import type { BatchResult } from 'node-paligemma';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { remark } from './common.js';
import { duration } from './format.js';
import { drawsBars, LINE_EVERY_MS } from './progress-bar.js';

/** The speed is that of the last so many milliseconds. */
const RATE_MS = 30_000;
const TIMES = 10_000;

/** How far a batch is: a bar on a terminal, a line now and then elsewhere; the sum in the end; counts for Prometheus. */
export class BatchProgress {
  readonly registry = new Registry();
  readonly #images = new Counter({
    name: 'paligemma_batch_images_total',
    help: 'Images with a result on the disk, by outcome.',
    labelNames: ['outcome'],
    registers: [this.registry],
  });
  readonly #seconds = new Histogram({
    name: 'paligemma_batch_image_seconds',
    help: 'From an image to its answer, waiting included.',
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
    registers: [this.registry],
  });
  #started = performance.now();
  readonly #times: number[] = [];
  /** Times at which so many were done, the oldest first. */
  readonly #marks: { at: number; done: number }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #bar: SingleBar | undefined;
  #done = 0;
  #errors = 0;
  #skipped = 0;
  #total: number | undefined;

  constructor() {
    const rate = () => this.#perSecond();
    this.registry.registerMetric(
      new Gauge({
        name: 'paligemma_batch_images_per_second',
        help: 'Over the last half minute.',
        registers: [],
        collect() {
          this.set(rate());
        },
      }),
    );
    for (const outcome of ['answer', 'error']) this.#images.inc({ outcome }, 0);
  }

  /**
   * Shows it from now on.
   * @param entries to count what there is to do, beside the work; they end with an error where that would cost too much
   */
  start(entries: AsyncIterable<unknown>): void {
    this.#started = performance.now();
    if (drawsBars(process.stderr)) {
      const format = '{bar} {value} of {all}, {rate} images/s{left}, {errors} failed';
      this.#bar = new SingleBar({ stream: process.stderr, hideCursor: true, format }, Presets.shades_classic);
      this.#bar.start(1, 0, this.#payload());
      process.once('exit', this.#stopBar);
    } else this.#timer = setInterval(() => this.say(this.#line()), LINE_EVERY_MS).unref();
    void this.#count(entries);
  }

  get errors(): number {
    return this.#errors;
  }

  say(text: string): void {
    if (this.#bar) process.stderr.write('\n');
    remark(text);
  }

  skipped(): void {
    this.#skipped++;
  }

  done({ error, timings }: BatchResult): void {
    this.#done++;
    if (error) this.#errors++;
    this.#images.inc({ outcome: error ? 'error' : 'answer' });
    const last = this.#marks.at(-1);
    const at = performance.now();
    if (!last || at - last.at > 250) this.#marks.push({ at, done: this.#done });
    while ((this.#marks[1]?.at ?? at) < at - RATE_MS) this.#marks.shift();
    if (timings) {
      this.#seconds.observe(timings.total / 1000);
      // Enough for percentiles, whatever the length: every time at first, then random ones in their place.
      if (this.#times.length < TIMES) this.#times.push(timings.total);
      else this.#times[Math.floor(Math.random() * TIMES)] = timings.total;
    }
    this.#bar?.update(this.#done + this.#skipped, this.#payload());
  }

  /** Says how it went. */
  end() {
    clearInterval(this.#timer);
    process.off('exit', this.#stopBar);
    this.#stopBar();
    const seconds = this.#elapsed();
    const sorted = this.#times.sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(Math.floor(sorted.length * share), sorted.length - 1)];
    const summary = {
      images: this.#done,
      errors: this.#errors,
      skipped: this.#skipped,
      seconds: Math.round(seconds * 1000) / 1000,
      imagesPerSecond: Math.round((this.#done / seconds) * 100) / 100,
      milliseconds: { p50: at(0.5), p99: at(0.99) },
    };
    const before = this.#skipped > 0 ? ` (${this.#skipped} more were there)` : '';
    const each =
      sorted.length > 0
        ? `; an image ${at(0.5)?.toFixed(0)} ms (median), ${at(0.99)?.toFixed(0)} ms (99th percentile)`
        : '';
    remark(
      `${this.#done} images in ${duration(seconds)}${before}, ${summary.imagesPerSecond.toFixed(1)} images/s, ${this.#errors} failed${each}`,
    );
    return summary;
  }

  /** Brings back the cursor too. */
  readonly #stopBar = (): void => this.#bar?.stop();

  async #count(entries: AsyncIterable<unknown>): Promise<void> {
    let count = 0;
    try {
      for await (const _ of entries) {
        count++;
        if (count % 1000 === 0) await new Promise(setImmediate); // the work goes first
      }
    } catch {
      return; // who reads the items says so
    }
    this.#total = count;
    this.#bar?.setTotal(count);
  }

  #elapsed = (): number => (performance.now() - this.#started) / 1000;

  #perSecond = (): number => {
    const [first] = this.#marks;
    const elapsed = first ? performance.now() - first.at : 0;
    return first && elapsed > 0 ? (this.#done - first.done) / (elapsed / 1000) : 0;
  };

  #payload() {
    const rate = this.#perSecond();
    const seconds = ((this.#total ?? Number.NaN) - this.#done - this.#skipped) / rate;
    const left = Number.isFinite(seconds) ? `, ${duration(seconds)} left` : '';
    return { rate: rate.toFixed(1), left, errors: this.errors, all: this.#total ?? '?' };
  }

  #line(): string {
    const { rate, left } = this.#payload();
    const of = this.#total === undefined ? '' : ` of ${this.#total}`;
    return `${this.#done + this.#skipped}${of} images, ${rate} images/s${left}, ${this.#errors} failed`;
  }
}
