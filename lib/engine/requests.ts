// Requests under way: from what a caller asks to what the engines answer.

import { type NativeGenerate, native, type Pixels } from '../addon/native.js';
import { checkSignal, object } from '../base/check.js';
import { PaliGemmaError } from '../base/errors.js';
import { Gate } from '../base/gate.js';
import type { Access } from '../image/access.js';
import { withImage } from '../image/decode.js';
import type { ImageInput } from '../image/input.js';
import { maskCodes, NO_MASK_DECODER } from '../tasks/segment.js';
import type { Piece, Size } from '../tasks/task.js';
import type { GenerateRequest, Generation, LoadedModelInfo, Trace } from '../types.js';
import { disposed } from './engine.js';
import type { Engines } from './engines.js';
import { checkLength, generateRequest } from './options.js';

/** What the engine is asked beyond a caller's request. */
type Extra = Pick<NativeGenerate, 'constraint' | 'forced'>;

export interface Answered {
  generation: Generation;
  /** One a token, when log-probabilities were asked for. */
  pieces: Piece[];
  /** Of the original pictures. */
  sizes: Size[];
}

export class Requests {
  readonly #engines: Engines;
  readonly #info: LoadedModelInfo;
  readonly #access: Access;
  readonly #gate: Gate;

  constructor(engines: Engines, info: LoadedModelInfo, access: Access) {
    this.#engines = engines;
    this.#info = info;
    this.#access = access;
    // So many requests have their pictures resized ahead of the model: it never waits for one, and memory does not grow with
    // what is asked. How many of the pictures are decoded at a time is bounded by their bytes, in withImage.
    this.#gate = new Gate(this.concurrency);
  }

  /** Requests at a time that keep the model busy: those it computes together, as many again, and a few that are being read. */
  get concurrency(): number {
    return 2 * this.#info.maxSequences + 8;
  }

  get access(): Access {
    return this.#access;
  }

  /** @param push gets the text in pieces as it comes */
  async generate(
    request: GenerateRequest,
    signal: AbortSignal | undefined,
    push?: (text: string) => void,
    extra: Extra = {},
  ): Promise<Answered> {
    const started = performance.now();
    const { images, ...settings } = generateRequest(request);
    this.#engines.throwIfDisposed();
    checkLength(settings.prompt, this.#info.contextTokens);
    const { done, sizes, entered, prepared } = await this.#gate.run(async ({ signal }) => {
      const entered = performance.now();
      const { pixels, sizes } = await this.#prepare(images, signal);
      const prepared = performance.now();
      const native = { kind: 'generate', ...settings, ...extra, images: pixels, stream: push !== undefined } as const;
      return { done: await this.#engines.submit(native, signal, push), sizes, entered, prepared };
    }, signal);
    const generation: Generation = {
      text: done.text,
      tokens: done.tokens,
      finishReason: done.stopped ? 'stop' : 'length',
      usage: {
        imageTokens: done.imageTokens,
        promptTokens: done.promptTokens,
        rememberedImages: done.rememberedImages,
        newTokens: done.tokens.length,
      },
      timings: {
        image: prepared - entered,
        ...done.timings,
        queue: done.timings.queue + entered - started,
        total: performance.now() - started,
      },
    };
    if (settings.logprobs !== undefined)
      generation.logprobs = done.logprobs.map(([{ token, text, logprob }, ...top]) => ({ token, text, logprob, top }));
    if (settings.numBeams > 1) generation.beamScore = done.beamScore;
    const pieces = done.logprobs.map(([{ text, near }]) => ({ text, logprob: near }));
    return { generation, pieces, sizes };
  }

  async encode(image: ImageInput, options: { signal?: AbortSignal }): Promise<Float32Array> {
    object('options', options);
    checkSignal(options.signal);
    return this.#gate.run(async ({ signal }) => {
      const { pixels } = await this.#prepare([image], signal);
      return (await this.#engines.submit({ kind: 'encode', images: pixels }, signal)).features;
    }, options.signal);
  }

  async trace(request: GenerateRequest): Promise<Trace> {
    const { prompt, images } = generateRequest(request);
    return this.#gate.run(async ({ signal }) => {
      const { pixels } = await this.#prepare(images, signal);
      const { inputIds, pixelValues, imageFeatures, logits } = await this.#engines.submit(
        { kind: 'trace', prompt, images: pixels },
        signal,
      );
      return { inputIds, pixelValues, imageFeatures, logits };
    }, request.signal);
  }

  /** As {@link decodeMasks}, of what a caller gives. */
  async masks(given: unknown): Promise<Float32Array> {
    const codes = maskCodes(given);
    this.#engines.throwIfDisposed();
    if (!this.#info.maskDecoder) throw new PaliGemmaError('ERR_UNSUPPORTED_MODEL', NO_MASK_DECODER);
    return codes.length === 0 ? new Float32Array(0) : this.decodeMasks(codes, undefined);
  }

  /** `[n, 64, 64]` values from -1 to 1. */
  async decodeMasks(masks: number[][], signal: AbortSignal | undefined): Promise<Float32Array> {
    return (await this.#engines.submit({ kind: 'masks', masks }, signal)).values;
  }

  async dispose(): Promise<void> {
    this.#gate.close(disposed());
    await this.#engines.dispose();
  }

  /** Decodes and resizes images, as many at once as there is memory for. */
  async #prepare(images: ImageInput[], signal: AbortSignal): Promise<{ pixels: Pixels[]; sizes: Size[] }> {
    const prepared = await Promise.all(
      images.map((input) =>
        withImage(
          input,
          async ({ data, width, height }) => {
            signal.throwIfAborted();
            const { imageSize } = this.#info;
            const right = width === imageSize && height === imageSize;
            const pixels = right ? data : await native().resize(data, width, height, imageSize);
            return { pixels, size: { width, height } };
          },
          signal,
          this.#access,
        ),
      ),
    );
    return { pixels: prepared.map(({ pixels }) => pixels), sizes: prepared.map(({ size }) => size) };
  }
}
