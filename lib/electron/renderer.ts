/**
 * `node-paligemma/electron/renderer`: a model of the main process, asked from a page. It is one file that needs nothing: bundle it,
 * or import it from `node_modules`.
 * @packageDocumentation
 */
import { PaliGemmaError, reasonOf, show } from '../base/errors.js';
import { textStream } from '../engine/stream.js';
import type { ImageInput } from '../image/input.js';
import type { PaliGemma } from '../paligemma.js';
import type { LoadedModelInfo, Progress } from '../types.js';
import { type Decoder, pictures } from './pictures.js';
import { type Bridge, NAME, type Question, type Reply, type SentError } from './wire.js';

export { type ErrorCode, PaliGemmaError } from '../base/errors.js';
export type { Decoder } from './pictures.js';

export interface InfoOptions {
  /** While it loads, as of `PaliGemma.load`; the latest one at once. */
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

/**
 * The calls of a `PaliGemma` that ask. They take what those take and reject as those do; `signal` aborts, and so does closing
 * the page. Pictures go as they are: File, Blob, bytes, ImageData, `data:` URL. Paths and URLs, if main allows them, are read there.
 */
export interface PagePaliGemma
  extends Pick<
    PaliGemma,
    'run' | 'stream' | 'caption' | 'answer' | 'read' | 'detect' | 'segment' | 'choose' | 'generate' | 'score' | 'encode'
  > {
  /** What is loaded, once it is. Rejects as loading did. */
  info(options?: InfoOptions): Promise<LoadedModelInfo>;
}

export interface ConnectOptions {
  /** Of the bridge, the same in main and preload. Default `paligemma`. */
  name?: string;
  /**
   * Who decodes Files, Blobs and bytes. `main` (default): the library, as everywhere. `page`: the browser, so that what strangers
   * made is decoded in its sandbox, and on Linux Electron and sharp cannot get in each other's way. Pixels may differ a little.
   */
  decode?: Decoder;
}

/**
 * The model at the other end of the bridge that the preload script has made. It may still be loading: calls wait for it.
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT where there is no such bridge
 */
export function connect({ name = NAME, decode = 'main' }: ConnectOptions = {}): PagePaliGemma {
  if (decode !== 'main' && decode !== 'page') throw invalid(`decode must be main or page, not ${show(decode)}`);
  const bridge = (globalThis as Record<string, unknown>)[name] as Bridge | undefined;
  if (typeof bridge?.ask !== 'function')
    throw invalid(`window.${name} is no bridge to a model: this window's preload script has to call exposePaliGemma`);
  const ask = <T>(
    images: ImageInput | ImageInput[] | null,
    question: (images: Sent) => Question,
    signal?: AbortSignal,
    heard?: Heard,
  ) => askThrough<T>(bridge, pictures(images, decode), question, signal, heard);
  return methods(ask);
}

type Sent = Awaited<ReturnType<typeof pictures>>;
type Heard = (reply: Extract<Reply, { type: 'text' | 'progress' }>) => void;
type Ask = <T>(
  images: ImageInput | ImageInput[] | null,
  question: (images: Sent) => Question,
  signal?: AbortSignal,
  heard?: Heard,
) => Promise<T>;
type Given = { signal?: AbortSignal; images?: ImageInput[] } & Record<string, unknown>;

/** As the class has them in lib/paligemma.ts, over one function that asks. */
function methods(ask: Ask): PagePaliGemma {
  const run = async (
    task: string,
    images: ImageInput | ImageInput[] | null,
    given: object = {},
    push?: Push,
    by?: AbortSignal,
  ) => {
    const { signal = undefined, ...options } = given as Given;
    const stream = push !== undefined;
    const question = (sent: Sent): Question => ({ kind: 'run', task, images: sent, options, stream });
    return ask<{ result: unknown }>(images, question, by ?? signal, push && texts(push));
  };
  const generate = async (given: object, push?: Push, by?: AbortSignal) => {
    const { signal, images = [], ...options } = given as Given;
    const stream = push !== undefined;
    const question = (sent: Sent): Question => ({ kind: 'generate', images: sent ?? [], options, stream });
    return ask(images, question, by ?? signal, push && texts(push));
  };
  const result = async (task: string, images: ImageInput | ImageInput[] | null, options?: object) =>
    (await run(task, images, options)).result;
  const made: Record<keyof PagePaliGemma, unknown> = {
    run: (task: string, images: ImageInput | ImageInput[] | null, options?: object) => run(task, images, options),
    stream: (first: string | Given, images: ImageInput | ImageInput[] | null, options: Given = {}) =>
      typeof first === 'string'
        ? textStream((push, signal) => run(first, images, options, push, signal), checked(options.signal))
        : textStream((push, signal) => generate(first, push, signal), checked(first.signal)),
    caption: (image: ImageInput, options?: object) => result('caption', image, options),
    answer: (images: ImageInput | ImageInput[], question: string, options?: object) =>
      result('answer', images, { ...options, question }),
    read: (image: ImageInput, options?: object) => result('read', image, options),
    detect: (image: ImageInput, labels: unknown, options?: object) => result('detect', image, { ...options, labels }),
    segment: (image: ImageInput, labels: unknown, options?: object) => result('segment', image, { ...options, labels }),
    choose: (image: ImageInput | null, asked: Given, options?: object) => {
      const { question, choices, context } = asked;
      return result('choose', image, { ...options, question, choices, context });
    },
    generate: (request: Given) => generate(request),
    score: async ({ signal, images = [], ...options }: Given) =>
      ask(images, (sent) => ({ kind: 'score', images: sent ?? [], options }), signal),
    encode: async (image: ImageInput, { signal }: Given = {}) =>
      ask([image], (sent) => ({ kind: 'encode', images: sent as never }), signal),
    info: async ({ onProgress, signal }: InfoOptions = {}) =>
      ask(
        null,
        () => ({ kind: 'info' }),
        signal,
        (reply) => reply.type === 'progress' && onProgress?.(reply.progress),
      ),
  };
  return made as unknown as PagePaliGemma;
}

type Push = (text: string) => void;
const texts =
  (push: Push): Heard =>
  (reply) =>
    reply.type === 'text' && push(reply.text);

async function askThrough<T>(
  bridge: Bridge,
  images: Promise<Sent>,
  question: (images: Sent) => Question,
  signal: AbortSignal | undefined,
  heard: Heard | undefined,
): Promise<T> {
  images.catch(() => {}); // what is wrong with the signal goes before
  checked(signal)?.throwIfAborted();
  const asked = question(await images);
  signal?.throwIfAborted();
  let leave = () => {};
  try {
    return await new Promise<T>((resolve, reject) => {
      const id = send(bridge, asked, (reply) => {
        if (reply.type === 'result') resolve(reply.result as T);
        else if (reply.type === 'error') reject(received(reply.error));
        else heard?.(reply);
      });
      leave = () => {
        bridge.abort(id);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', leave, { once: true });
    });
  } finally {
    signal?.removeEventListener('abort', leave);
  }
}

function send(bridge: Bridge, question: Question, listener: (reply: Reply) => void): string {
  try {
    return bridge.ask(question, listener);
  } catch (error) {
    throw invalid(`this cannot be sent to the main process: ${reasonOf(error)}`);
  }
}

function received({ name, message, code, signal }: SentError): Error {
  if (code !== undefined) return new PaliGemmaError(code, message, { signal: signal as NodeJS.Signals | undefined });
  return Object.assign(new Error(message), { name });
}

function checked(signal: AbortSignal | undefined): AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return signal;
  throw invalid(`signal must be an AbortSignal, not ${show(signal)}`);
}

const invalid = (message: string) => new PaliGemmaError('ERR_INVALID_ARGUMENT', message);
