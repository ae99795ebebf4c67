import type {
  DoneEvent,
  EncodedEvent,
  FailedEvent,
  LoadedEvent,
  MasksEvent,
  NativeEvent,
  NativeModel,
  NativeModelOptions,
  NativeRequest,
  RequestEvent,
  TracedEvent,
} from '../addon/native.js';
import { type Deferred, deferred } from '../base/deferred.js';
import { PaliGemmaError, reasonOf } from '../base/errors.js';

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;
export type EngineRequest = WithoutId<NativeRequest>;

export interface Results {
  generate: DoneEvent;
  encode: EncodedEvent;
  trace: TracedEvent;
  masks: MasksEvent;
}

interface Pending {
  resolve(event: never): void;
  reject(reason: unknown): void;
  onText: ((text: string) => void) | undefined;
}

export const disposed = () =>
  new PaliGemmaError('ERR_DISPOSED', 'the model has been disposed; load it again to use it');

const OUT_OF_MEMORY = /not enough memory|alloc|out of memory/i;

function loadError(reason: string) {
  return OUT_OF_MEMORY.test(reason)
    ? new PaliGemmaError(
        'ERR_OUT_OF_MEMORY',
        'there is not enough memory for this model: give a smaller contextTokens or maxSequences, or convert it to fewer bits',
      )
    : new PaliGemmaError('ERR_INVALID_MODEL', `the model does not load: ${reason}`);
}

function inferenceError({ reason, cause }: FailedEvent) {
  if (cause === 'memory')
    return new PaliGemmaError(
      'ERR_OUT_OF_MEMORY',
      `there is not enough memory for this request: give fewer images, numBeams or maxTokens (${reason})`,
    );
  if (cause === 'numbers')
    return new PaliGemmaError(
      'ERR_INFERENCE_FAILED',
      `${reason}: the model's weights hold NaN or infinity, or overflow; fetch or convert the model again`,
    );
  return new PaliGemmaError('ERR_INFERENCE_FAILED', reason);
}

/** Engines whose threads run. Node tears no environment down on `process.exit`, and they must not outlive what they use. */
const running = new Set<NativeModel>();

function stopAtExit(engine: NativeModel): void {
  if (running.size === 0) process.once('exit', releaseAll);
  running.add(engine);
}

function forget(engine: NativeModel): void {
  running.delete(engine);
  if (running.size === 0) process.off('exit', releaseAll);
}

function releaseAll(): void {
  for (const engine of running) engine.release();
}

/** Where the native side is: in this process, or in one of its own. */
export type OpenModel = (options: NativeModelOptions, onEvent: (event: NativeEvent) => void) => NativeModel;

/** Promises in front of the native engine: requests in, results out, an abort or `dispose` at any time. */
export class Engine {
  readonly #pending = new Map<number, Pending>();
  readonly #native: NativeModel;
  readonly #closed = deferred<void>();
  #load: Deferred<LoadedEvent> | undefined = deferred<LoadedEvent>();
  #onLoadProgress: ((share: number) => void) | undefined;
  #lastId = 0;
  #disposed = false;
  #death: PaliGemmaError | undefined;

  private constructor(open: OpenModel, options: NativeModelOptions, onProgress?: (share: number) => void) {
    this.#onLoadProgress = onProgress;
    this.#native = open(options, (event) => this.#receive(event));
    stopAtExit(this.#native);
  }

  /** Starts an engine and waits until its model is loaded. Rejects with the reason, or the signal's when aborted. */
  static async start(
    open: OpenModel,
    options: NativeModelOptions,
    onProgress?: (share: number) => void,
    signal?: AbortSignal,
  ) {
    signal?.throwIfAborted();
    const engine = new Engine(open, options, onProgress);
    const load = engine.#load as Deferred<LoadedEvent>;
    const abort = () => load.reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return { engine, loaded: await load.promise };
    } catch (error) {
      await engine.dispose();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Requests that have not been answered. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Whether it takes requests. */
  get alive(): boolean {
    return !this.#disposed;
  }

  throwIfDisposed(): void {
    if (this.#disposed) throw disposed();
  }

  /** Runs one request. `onText` gets text as it comes when the request streams. */
  submit<R extends EngineRequest>(
    request: R,
    signal?: AbortSignal,
    onText?: (text: string) => void,
  ): Promise<Results[R['kind']]> {
    if (this.#disposed) return Promise.reject(this.#death ?? disposed());
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = ++this.#lastId;
    const { promise, resolve, reject } = deferred<Results[R['kind']]>();
    const abort = () => {
      this.#native.abort(id);
      this.#settle(id)?.reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    this.#pending.set(id, { resolve, reject, onText });
    this.#native.hold(true);
    try {
      this.#native.submit({ ...request, id } as NativeRequest);
    } catch (error) {
      this.#settle(id)?.reject(new PaliGemmaError('ERR_INFERENCE_FAILED', reasonOf(error), { cause: error }));
    }
    return promise.finally(() => signal?.removeEventListener('abort', abort));
  }

  /** Rejects what is unfinished with ERR_DISPOSED and waits until the native side has let go of everything. */
  dispose(): Promise<void> {
    if (!this.#disposed) {
      this.#disposed = true;
      for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(disposed());
      this.#native.hold(true);
      this.#native.stop();
    }
    return this.#closed.promise;
  }

  #receive(event: NativeEvent): void {
    if (event.type === 'progress') this.#loadProgress(event.done);
    else if (event.type === 'loaded') this.#endLoad()?.resolve(event);
    else if (event.type === 'loadFailed') this.#endLoad()?.reject(loadError(event.reason));
    else if (event.type === 'closed') this.#close();
    else if (event.type === 'died') this.#die(event.error);
    else this.#receiveFor(event);
    this.#rest();
  }

  /** Lets the process end while there is nothing to wait for. */
  #rest(): void {
    if (!this.#load && !this.#disposed && this.#pending.size === 0) this.#native.hold(false);
  }

  /** A callback that throws ends the load with what it threw. */
  #loadProgress(share: number): void {
    try {
      this.#onLoadProgress?.(share);
    } catch (error) {
      this.#endLoad()?.reject(error);
    }
  }

  #die(error: PaliGemmaError): void {
    this.#death = error;
    this.#endLoad()?.reject(error);
    this.#close(error);
  }

  #close(
    error = new PaliGemmaError('ERR_INFERENCE_FAILED', 'the engine has stopped after an error; load the model again'),
  ): void {
    this.#disposed = true;
    this.#native.release();
    forget(this.#native);
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error);
    this.#closed.resolve();
  }

  #endLoad() {
    const load = this.#load;
    this.#load = undefined;
    this.#onLoadProgress = undefined;
    return load;
  }

  #receiveFor(event: RequestEvent): void {
    if (event.type === 'text') {
      this.#pending.get(event.id)?.onText?.(event.text);
      return;
    }
    const request = this.#settle(event.id);
    if (event.type === 'tooLong') {
      request?.reject(
        new PaliGemmaError(
          'ERR_PROMPT_TOO_LONG',
          `the images and the prompt are ${event.tokens} tokens, the context holds ${event.limit}: shorten the prompt, give fewer images, or load with a larger contextTokens`,
        ),
      );
    } else if (event.type === 'failed') {
      request?.reject(inferenceError(event));
    } else {
      request?.resolve(event as never);
    }
  }

  #settle(id: number): Pending | undefined {
    const request = this.#pending.get(id);
    this.#pending.delete(id);
    this.#rest();
    return request;
  }
}
