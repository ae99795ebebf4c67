// Models that are fetched for the page. What is there is served.
import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger } from 'fastify';
import { type BatchError, download, type Progress, type Quantization } from 'node-paligemma';
import { describe } from 'node-paligemma/support';
import { HttpError } from './errors.js';
import type { Models } from './models/models.js';
import type { Settings } from './options.js';

export interface Download {
  id: string;
  model: string;
  quantization: Quantization | 'auto';
  state: 'running' | 'done' | 'failed' | 'cancelled';
  progress?: Progress;
  error?: BatchError;
  /** What its user should read: licences. */
  notices: string[];
}

export class Downloads {
  readonly #downloads = new Map<string, { told: Download; cancel: AbortController }>();

  constructor(
    private readonly models: Models,
    private readonly settings: Settings,
    private readonly log: FastifyBaseLogger,
  ) {}

  get all(): Download[] {
    return [...this.#downloads.values()].map(({ told }) => told);
  }

  /** @throws HttpError 409 when it is served or being fetched already */
  start(model: string, quantization: Quantization | null = null): Download {
    const again = this.all.find((one) => one.model === model && one.state === 'running');
    if (again || this.models.has(model))
      throw new HttpError(409, 'ERR_IN_USE', `${model} is ${again ? 'being fetched' : 'served'} already`);
    // What became of earlier tries is of no use any more.
    for (const old of this.all) if (old.model === model) this.#downloads.delete(old.id);
    const told: Download = {
      id: randomUUID(),
      model,
      quantization: quantization ?? this.settings.models[0]?.load?.quantization ?? 'f16',
      state: 'running',
      notices: [],
    };
    const cancel = new AbortController();
    this.#downloads.set(told.id, { told, cancel });
    void this.#fetch(told, cancel.signal);
    return told;
  }

  /** @throws HttpError 404 */
  cancel(id: string): void {
    const found = this.#downloads.get(id);
    if (!found) throw new HttpError(404, 'ERR_NOT_FOUND', 'there is no such download');
    if (found.told.state === 'running') found.cancel.abort(new Error('cancelled'));
    else this.#downloads.delete(id);
  }

  end(): void {
    for (const { cancel } of this.#downloads.values()) cancel.abort(new Error('the server is being stopped'));
  }

  async #fetch(told: Download, signal: AbortSignal): Promise<void> {
    const { model, quantization } = told;
    const load = { ...this.settings.models[0]?.load, quantization };
    try {
      await download(model, {
        cacheDir: load.cacheDir,
        quantization,
        signal,
        onProgress: (progress) => {
          told.progress = progress;
        },
        onNotice: (text) => void told.notices.push(text),
      });
      this.models.add({ model, load });
      told.state = 'done';
    } catch (error) {
      const failure = describe(error);
      told.state = signal.aborted ? 'cancelled' : 'failed';
      if (!signal.aborted) told.error = failure;
      this.log.warn({ model, code: failure.code }, 'a model was not fetched');
    }
  }
}
