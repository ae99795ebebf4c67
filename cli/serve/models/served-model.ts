// One model that is served: loaded when it is asked for, unloaded when nobody does.
import type { FastifyBaseLogger } from 'fastify';
import { type LoadedModelInfo, PaliGemma, PaliGemmaError, type Progress } from 'node-paligemma';
import { describe, isGivenUp, reasonOf } from 'node-paligemma/support';
import { HttpError } from '../errors.js';
import type { ModelOptions } from '../options.js';
import { Places } from './places.js';

export interface ModelLimits {
  /** Bytes of an encoded picture. */
  maxBytes: number;
  /** Requests that may wait. */
  queueLimit: number;
}

/** Makes room for a model that is to be loaded, and for one that found none. Tells whether anything was let go of. */
export type MakeRoom = (model: ServedModel, foundNone: boolean) => Promise<boolean>;

/** Who asks waits so long for a model that is being loaded; then he is told to come again, and loading goes on. */
const LOAD_WAIT_MS = 20_000;

interface Loaded {
  model: PaliGemma;
  places: Places;
}

export class ServedModel {
  readonly created = Math.floor(Date.now() / 1000);
  #loading: Promise<Loaded> | undefined;
  #loaded: Loaded | undefined;
  #progress: Progress | undefined;
  #error: unknown;
  #users = 0;
  #usedAt = performance.now();
  #stopped: { reason: unknown } | undefined;
  readonly #ended = new AbortController();

  constructor(
    readonly id: string,
    readonly options: ModelOptions,
    private readonly limits: ModelLimits,
    private readonly log: FastifyBaseLogger,
    private readonly makeRoom: MakeRoom,
  ) {}

  get state(): 'unloaded' | 'loading' | 'loaded' | 'failed' {
    if (this.#loaded) return 'loaded';
    if (this.#loading) return 'loading';
    return this.#error === undefined ? 'unloaded' : 'failed';
  }

  get info(): LoadedModelInfo | undefined {
    return this.#loaded?.model.info;
  }

  get progress(): Progress | undefined {
    return this.#loading && !this.#loaded ? this.#progress : undefined;
  }

  /** Why it was not loaded the last time. */
  get error(): unknown {
    return this.#error;
  }

  get inside(): number {
    return this.#loaded?.places.inside ?? 0;
  }

  get waiting(): number {
    return this.#loaded?.places.waiting ?? 0;
  }

  /** Milliseconds since it was used the last time; 0 while it is used. */
  get idle(): number {
    return this.#users > 0 ? 0 : performance.now() - this.#usedAt;
  }

  get name(): string {
    return this.info?.name ?? this.options.model;
  }

  /**
   * Whether plain questions are made prompts of. `auto`: where it answers many kinds of prompts. Models that were trained for one, or
   * are to be, take theirs as they are.
   */
  takesQuestions(setting: boolean | 'auto'): boolean {
    if (setting !== 'auto') return setting;
    return this.info?.embedded === true || /\bmix\b/.test(this.name) || /\bmix\b/.test(this.id);
  }

  /** Loads it where it is not. @throws as {@link use}, but for places */
  async ready(signal: AbortSignal): Promise<void> {
    await this.#inTime(this.load(), signal);
  }

  /**
   * Works with the model, once it is loaded and has a place.
   * @throws HttpError 503 when it is not loaded in time, 429 when too many wait; the signal's reason; what `work` throws
   */
  async use<T>(work: (model: PaliGemma) => Promise<T>, signal: AbortSignal): Promise<T> {
    const { model, leave } = await this.#enter(signal);
    try {
      return await work(model);
    } catch (error) {
      throw await this.#failed(error);
    } finally {
      leave();
    }
  }

  /** As {@link use}, of work whose results come in pieces. */
  async *stream<T>(work: (model: PaliGemma) => AsyncIterable<T>, signal: AbortSignal): AsyncIterable<T> {
    const { model, leave } = await this.#enter(signal);
    try {
      yield* work(model);
    } catch (error) {
      throw await this.#failed(error);
    } finally {
      leave();
    }
  }

  async #enter(signal: AbortSignal): Promise<{ model: PaliGemma; leave(): void }> {
    this.#users++;
    const gone = () => {
      this.#users--;
      this.#usedAt = performance.now();
    };
    try {
      const { model, places } = await this.#inTime(this.load(), signal);
      const leave = await places.enter(signal);
      return {
        model,
        leave() {
          leave();
          gone();
        },
      };
    } catch (error) {
      gone();
      throw error;
    }
  }

  /** A process that dies again and again is given up: the next one who asks gets a new one. */
  async #failed(error: unknown): Promise<unknown> {
    if (isGivenUp(error)) await this.unload();
    return error;
  }

  load(): Promise<Loaded> {
    if (this.#stopped) return Promise.reject(this.#stopped.reason);
    this.#loading ??= this.#load().then(
      (loaded) => {
        this.#loaded = loaded;
        return loaded;
      },
      (error) => {
        this.#loading = undefined;
        this.#error = error;
        this.log.error({ model: this.id, reason: reasonOf(error) }, 'a model cannot be loaded');
        throw error;
      },
    );
    this.#loading.catch(() => {}); // whoever waits for it is told
    return this.#loading;
  }

  async unload(): Promise<void> {
    const loaded = this.#loaded;
    if (!loaded) return;
    this.#loaded = undefined;
    this.#loading = undefined;
    await loaded.model.dispose();
    this.log.info({ model: this.id }, 'unloaded');
  }

  /** Who waits is told the reason, as is who comes later. What runs goes on until {@link end}. */
  stop(reason: unknown): void {
    this.#stopped ??= { reason };
    this.#loaded?.places.stop(reason);
    if (!this.#loaded) this.#ended.abort(reason);
  }

  async end(): Promise<void> {
    this.#ended.abort(this.#stopped?.reason);
    await this.#loading?.catch(() => {});
    await this.unload();
  }

  async #load(): Promise<Loaded> {
    const started = performance.now();
    this.#error = undefined;
    this.#progress = undefined;
    await this.makeRoom(this, false);
    const model = await this.#open().catch(async (error) => {
      const short = error instanceof PaliGemmaError && error.code === 'ERR_OUT_OF_MEMORY';
      if (short && (await this.makeRoom(this, true))) return this.#open();
      throw error;
    });
    this.#usedAt = performance.now();
    const { device, quantization } = model.info;
    const seconds = Math.round(performance.now() - started) / 1000;
    this.log.info({ model: this.id, device, quantization, seconds }, 'loaded');
    return { model, places: new Places(model.concurrency, this.limits.queueLimit) };
  }

  #open(): Promise<PaliGemma> {
    const { model, load = {} } = this.options;
    return PaliGemma.load(model, {
      isolated: true,
      imageAccess: { maxBytes: this.limits.maxBytes },
      ...load,
      onNotice: (text) => this.log.info({ model: this.id }, text),
      onProgress: (progress) => {
        this.#progress = progress;
      },
      signal: this.#ended.signal,
    });
  }

  /** Why loading failed is the server's business, and its operator's: for who asks, the model is not there now. */
  async #inTime(loading: Promise<Loaded>, signal: AbortSignal): Promise<Loaded> {
    const late = new HttpError(503, 'ERR_MODEL_LOADING', `the model ${this.id} is being loaded`, { retryAfter: 5 });
    const failed = (error: unknown) => {
      if (error instanceof HttpError || this.#stopped) throw error;
      const { code, message } = describe(error);
      throw new HttpError(503, code, `the model ${this.id} cannot be loaded: ${message}`, {
        shouldRetry: false,
      });
    };
    signal.throwIfAborted();
    let stopWaiting = () => {};
    const waited = new Promise<never>((_, reject) => {
      const timer = setTimeout(() => reject(late), LOAD_WAIT_MS);
      const abort = () => reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      stopWaiting = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
      };
    });
    try {
      return await Promise.race([loading.catch(failed), waited]);
    } finally {
      stopWaiting();
    }
  }
}
