import type { NativeDevice, NativeEvent, NativeModel, NativeModelOptions } from '../../addon/native.js';
import { deferred } from '../../base/deferred.js';
import { type ErrorCode, PaliGemmaError } from '../../base/errors.js';
import { type Channel, type End, openChannel } from './channel.js';
import type { FromEngine } from './wire.js';

/** A process gets so long to end by itself. Milliseconds. */
const PATIENCE = 5000;

/** What became of a process, as an error of the calls that waited for it. */
export function death({ signal, exitCode, lastWords }: End): PaliGemmaError {
  const how = signal ? `of ${signal}` : exitCode === undefined ? '' : `with exit status ${exitCode}`;
  const said = lastWords === '' ? '' : `(${lastWords})`;
  const message = ["the engine's process died", how, said].filter((part) => part !== '').join(' ');
  return new PaliGemmaError('ERR_ENGINE_DIED', message, { signal });
}

/** A process of its own for one engine. */
export class EngineProcess {
  readonly #channel: Channel;
  readonly #ready = deferred<NativeDevice[]>();
  #onEvent: ((event: NativeEvent) => void) | undefined;
  #closing = false;
  /** The devices that the addon sees there. */
  devices: NativeDevice[] = [];

  private constructor() {
    this.#channel = openChannel({ message: (message) => this.#receive(message), end: (end) => this.#end(end) });
  }

  /**
   * Starts a process and waits until its addon is loaded.
   * @throws PaliGemmaError ERR_ENGINE_DIED, ERR_ADDON_NOT_FOUND; the signal's reason when aborted
   */
  static async start(signal?: AbortSignal): Promise<EngineProcess> {
    signal?.throwIfAborted();
    const started = new EngineProcess();
    const abort = () => {
      started.kill();
      started.#ready.reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      started.devices = await started.#ready.promise;
      return started;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Opens the one model of this process. */
  open(options: NativeModelOptions, onEvent: (event: NativeEvent) => void): NativeModel {
    this.#onEvent = onEvent;
    this.#channel.send({ type: 'open', options });
    return {
      submit: (request) => this.#channel.send({ type: 'submit', request }),
      abort: (id) => this.#channel.send({ type: 'abort', id }),
      stop: () => this.#stop(),
      hold: (on) => this.#channel.hold(on),
      release: () => this.kill(),
    };
  }

  kill(): void {
    this.#closing = true;
    this.#channel.kill();
  }

  #stop(): void {
    this.#closing = true;
    this.#channel.send({ type: 'stop' });
    setTimeout(() => this.#channel.kill(), PATIENCE).unref();
  }

  #receive(message: FromEngine): void {
    if (message.type === 'ready') this.#ready.resolve(message.devices);
    else if (message.type === 'failed')
      this.#ready.reject(new PaliGemmaError(message.code as ErrorCode, message.message));
    else if (message.event.type === 'closed')
      this.#closing = true; // told when the process has gone, and its memory with it
    else this.#onEvent?.(message.event);
  }

  #end(end: End): void {
    this.#ready.reject(death(end));
    this.#onEvent?.(this.#closing ? { type: 'closed' } : { type: 'died', error: death(end) });
  }
}
