import type { LoadedEvent, NativeModelOptions } from '../../addon/native.js';
import { PaliGemmaError, reasonOf } from '../../base/errors.js';
import { disposed, Engine, type EngineRequest, type Results } from '../engine.js';
import { EngineProcess } from './engine-process.js';

/** So many deaths without an answer between them, and no process is started any more: by its own fault, or killed. */
const CRASHES = 3;
const KILLS = 10;

/** An engine in a process of its own. When that dies, the calls under way reject, and the next one finds a new process. */
export class IsolatedEngine {
  readonly #options: NativeModelOptions;
  readonly #disposal = new AbortController();
  #engine: Engine | undefined;
  #starting: Promise<Engine> | undefined;
  #waiting = 0;
  #crashes = 0;
  #kills = 0;
  #lastDeath: PaliGemmaError | undefined;

  private constructor(options: NativeModelOptions) {
    this.#options = options;
  }

  /**
   * Starts an engine and waits until its model is loaded.
   * @param first a process that is there already
   * @throws PaliGemmaError ERR_ENGINE_DIED, and as Engine.start does
   */
  static async start(
    options: NativeModelOptions,
    onProgress?: (share: number) => void,
    signal?: AbortSignal,
    first?: EngineProcess,
  ): Promise<{ engine: IsolatedEngine; loaded: LoadedEvent }> {
    const isolated = new IsolatedEngine(options);
    const { engine, loaded } = await isolated.#open(first ?? (await EngineProcess.start(signal)), onProgress, signal);
    isolated.#engine = engine;
    return { engine: isolated, loaded };
  }

  get pending(): number {
    return (this.#engine?.pending ?? 0) + this.#waiting;
  }

  /** Whether its process died so often that no other one follows. */
  get givenUp(): boolean {
    return this.#crashes >= CRASHES || this.#kills >= KILLS;
  }

  throwIfDisposed(): void {
    if (this.#disposal.signal.aborted) throw disposed();
  }

  async submit<R extends EngineRequest>(
    request: R,
    signal?: AbortSignal,
    onText?: (text: string) => void,
  ): Promise<Results[R['kind']]> {
    this.throwIfDisposed();
    signal?.throwIfAborted();
    const engine = this.#engine?.alive ? this.#engine : await this.#next(signal);
    try {
      const result = await engine.submit(request, signal, onText);
      this.#crashes = this.#kills = 0;
      return result;
    } catch (error) {
      if (engine.alive && !signal?.aborted) this.#crashes = this.#kills = 0; // a refusal is an answer too
      throw error;
    }
  }

  async dispose(): Promise<void> {
    this.#disposal.abort(disposed());
    await this.#starting?.catch(() => {});
    await this.#engine?.dispose();
  }

  /** The engine that follows one that died. Aborting does not end its start: others wait for it as well. */
  async #next(signal: AbortSignal | undefined): Promise<Engine> {
    this.#starting ??= this.#restart().finally(() => {
      this.#starting = undefined;
    });
    this.#waiting++;
    let leave = () => {};
    const leaving = new Promise<never>((_, reject) => {
      leave = () => reject(signal?.reason);
      signal?.addEventListener('abort', leave, { once: true });
    });
    try {
      return await Promise.race([this.#starting, leaving]);
    } finally {
      signal?.removeEventListener('abort', leave);
      this.#waiting--;
    }
  }

  async #restart(): Promise<Engine> {
    if (this.givenUp)
      throw new PaliGemmaError(
        'ERR_ENGINE_DIED',
        `the engine's process died ${this.#crashes + this.#kills} times without an answer and is not started again; load the model again; ` +
          `the last time: ${reasonOf(this.#lastDeath)}`,
        { cause: this.#lastDeath, signal: this.#lastDeath?.signal },
      );
    const { engine } = await this.#open(await this.#startProcess(), undefined, this.#disposal.signal);
    this.#engine = engine;
    return engine;
  }

  async #startProcess(): Promise<EngineProcess> {
    try {
      return await EngineProcess.start(this.#disposal.signal);
    } catch (error) {
      this.#count(error);
      throw error;
    }
  }

  async #open(process: EngineProcess, onProgress?: (share: number) => void, signal?: AbortSignal) {
    const open = (options: NativeModelOptions, onEvent: Parameters<EngineProcess['open']>[1]) =>
      process.open(options, (event) => {
        if (event.type === 'died') this.#count(event.error);
        onEvent(event);
      });
    try {
      return await Engine.start(open, this.#options, onProgress, signal);
    } catch (error) {
      process.kill(); // aborted before it had a model to end with
      throw error;
    }
  }

  #count(error: unknown): void {
    if (!isDeath(error)) return;
    this.#lastDeath = error;
    if (error.signal === 'SIGKILL')
      this.#kills++; // by the user, or the system for want of memory
    else this.#crashes++;
  }
}

export const isDeath = (error: unknown): error is PaliGemmaError =>
  error instanceof PaliGemmaError && error.code === 'ERR_ENGINE_DIED';

/** Whether this error means that no later call will be answered either. */
export const isGivenUp = (error: unknown): boolean => isDeath(error) && error.cause !== undefined;
