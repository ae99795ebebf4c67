import { Counter, Histogram, Registry } from 'prom-client';

/** What a worker did, for Prometheus. */
export class WorkerMetrics {
  readonly registry = new Registry();
  readonly #images = new Counter({
    name: 'paligemma_worker_images_total',
    help: 'Images that this worker had in work, by outcome.',
    labelNames: ['outcome'],
    registers: [this.registry],
  });
  readonly #seconds = new Histogram({
    name: 'paligemma_worker_image_seconds',
    help: 'From taking an image to its outcome.',
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
    registers: [this.registry],
  });

  /** @param milliseconds from taking the image; nothing of one that failed for good */
  outcome(outcome: 'answer' | 'error' | 'failed', milliseconds?: number): void {
    this.#images.inc({ outcome });
    if (milliseconds !== undefined) this.#seconds.observe(milliseconds / 1000);
  }
}
