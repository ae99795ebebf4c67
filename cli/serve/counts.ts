// Counts for Prometheus.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Models } from './models/models.js';

export class Counts {
  readonly registry = new Registry();
  readonly #requests = new Counter({
    name: 'paligemma_requests_total',
    help: 'Requests answered, by route and status; 499: the client left.',
    labelNames: ['route', 'status'],
    registers: [this.registry],
  });
  readonly #seconds = new Histogram({
    name: 'paligemma_request_seconds',
    help: 'From the request to the end of its answer.',
    labelNames: ['route'],
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
    registers: [this.registry],
  });
  readonly #tokens = new Counter({
    name: 'paligemma_tokens_total',
    help: 'Tokens of pictures and prompts (input) and of answers (output).',
    labelNames: ['model', 'kind'],
    registers: [this.registry],
  });

  constructor(models: Models) {
    const gauge = (name: string, help: string, of: (model: Models['all'][number]) => number) =>
      new Gauge({
        name,
        help,
        labelNames: ['model'],
        registers: [this.registry],
        collect() {
          for (const model of models.all) this.set({ model: model.id }, of(model));
        },
      });
    gauge('paligemma_requests_running', 'Requests that a model computes.', ({ inside }) => inside);
    gauge('paligemma_requests_waiting', 'Requests that wait for a model.', ({ waiting }) => waiting);
    gauge('paligemma_model_loaded', 'Whether a model is loaded.', ({ state }) => Number(state === 'loaded'));
  }

  request(route: string, status: number, milliseconds: number): void {
    this.#requests.inc({ route, status });
    this.#seconds.observe({ route }, milliseconds / 1000);
  }

  answered(model: string, usage: { imageTokens: number; promptTokens: number; newTokens: number }): void {
    this.#tokens.inc({ model, kind: 'input' }, usage.imageTokens + usage.promptTokens);
    this.#tokens.inc({ model, kind: 'output' }, usage.newTokens);
  }
}
