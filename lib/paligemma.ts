import { Engine } from './engine.js';
import { decodeImage, type ImageInput } from './image.js';
import { describeModel } from './info.js';
import { openModel } from './model-source.js';
import { native, type Pixels } from './native.js';
import { captionLanguage, engineOptions, generateRequest, loadOptions } from './options.js';
import { textStream } from './stream.js';
import { captionPrompt } from './tasks/caption.js';
import type {
  CaptionOptions,
  GenerateRequest,
  Generation,
  GenerationStream,
  LoadedModelInfo,
  LoadOptions,
  Trace,
} from './types.js';

const EMBEDDED_WARNING =
  'no model was given: using the embedded paligemma-emoji-112, which knows drawn emoji scenes only';

/**
 * A loaded PaliGemma. Calls may overlap: they wait for each other, at most `maxSequences` run together. Nothing here blocks
 * the event loop: images are decoded on libvips' threads, the model runs on a thread of its own.
 */
export class PaliGemma implements AsyncDisposable {
  readonly info: LoadedModelInfo;
  readonly #engine: Engine;

  private constructor(engine: Engine, info: LoadedModelInfo) {
    this.#engine = engine;
    this.info = info;
  }

  /**
   * Loads a model.
   * @param model folder with `model.gguf` and `mmproj.gguf`, as `convert` makes it; none: the embedded emoji model
   * @throws PaliGemmaError ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL, ERR_UNSUPPORTED_MODEL, ERR_INVALID_ARGUMENT,
   *   ERR_DEVICE_UNAVAILABLE or ERR_ADDON_NOT_FOUND; the signal's reason when aborted
   */
  static async load(model?: string, options: LoadOptions = {}): Promise<PaliGemma> {
    loadOptions(model, options);
    options.signal?.throwIfAborted();
    if (model === undefined)
      process.emitWarning(EMBEDDED_WARNING, { type: 'PaliGemma', code: 'PALIGEMMA_EMBEDDED_MODEL' });
    const opened = await openModel(model);
    const settings = engineOptions(opened, options);
    const { engine, loaded } = await Engine.start(
      { textPath: opened.textPath, visionPath: opened.visionPath, imageToken: opened.imageToken, ...settings },
      (done) => options.onProgress?.({ stage: 'load', done, total: 1 }),
      options.signal,
    );
    return new PaliGemma(engine, {
      ...describeModel(opened),
      contextTokens: loaded.contextTokens,
      memory: { weights: opened.weightBytes, cache: loaded.cacheBytes },
      device: 'cpu',
      threads: settings.threads,
      maxSequences: settings.maxSequences,
      cacheType: settings.cacheType,
    });
  }

  /**
   * Answers a prompt about images (or about none).
   * @throws PaliGemmaError ERR_INVALID_ARGUMENT, ERR_INVALID_IMAGE, ERR_PROMPT_TOO_LONG, ERR_INFERENCE_FAILED or
   *   ERR_DISPOSED; the signal's reason when aborted
   */
  async generate(request: GenerateRequest): Promise<Generation> {
    return this.#generate(request, request?.signal);
  }

  /** As {@link generate}, with the text in pieces as it comes. */
  stream(request: GenerateRequest): GenerationStream {
    return textStream((push, signal) => this.#generate(request, signal, push), request?.signal);
  }

  /** Describes an image in a sentence. Errors as of {@link generate}. */
  async caption(image: ImageInput, options: CaptionOptions = {}): Promise<string> {
    const prompt = captionPrompt(captionLanguage(options));
    return (await this.generate({ ...options, prompt, images: [image] })).text;
  }

  /** The projected features of an image, `[imageTokens, width]` row-major, in the projector's own scale. */
  async encode(image: ImageInput, options: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    const images = await this.#prepare([image], options.signal);
    return (await this.#engine.submit({ kind: 'encode', images }, options.signal)).features;
  }

  /** Everything the model computes up to the first token, to check numbers against a reference. */
  async trace(request: GenerateRequest): Promise<Trace> {
    const { prompt, images } = generateRequest(request);
    const pixels = await this.#prepare(images, request.signal);
    const { inputIds, pixelValues, imageFeatures, logits } = await this.#engine.submit(
      { kind: 'trace', prompt, images: pixels },
      request.signal,
    );
    return { inputIds, pixelValues, imageFeatures, logits };
  }

  /** Frees the model. What is unfinished rejects with ERR_DISPOSED, as does every later call. May be called again. */
  async dispose(): Promise<void> {
    await this.#engine.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #generate(
    request: GenerateRequest,
    signal: AbortSignal | undefined,
    push?: (text: string) => void,
  ): Promise<Generation> {
    const started = performance.now();
    const { images, ...settings } = generateRequest(request);
    this.#engine.throwIfDisposed();
    const pixels = await this.#prepare(images, signal);
    const prepared = performance.now();
    const done = await this.#engine.submit(
      { kind: 'generate', ...settings, images: pixels, stream: push !== undefined },
      signal,
      push,
    );
    return {
      text: done.text,
      tokens: done.tokens,
      finishReason: done.stopped ? 'stop' : 'length',
      usage: { imageTokens: done.imageTokens, promptTokens: done.promptTokens, newTokens: done.tokens.length },
      timings: { image: prepared - started, ...done.timings, total: performance.now() - started },
    };
  }

  /** Decodes and resizes images, all at once. */
  async #prepare(images: ImageInput[], signal: AbortSignal | undefined): Promise<Pixels[]> {
    return Promise.all(
      images.map(async (input) => {
        const { data, width, height } = await decodeImage(input, signal);
        const pixels = await native().resize(data, width, height, this.info.imageSize);
        signal?.throwIfAborted();
        return pixels;
      }),
    );
  }
}
