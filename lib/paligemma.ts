import { askedOf, checkRequest, resultOf } from './batch/ask.js';
import { type BatchOptions, type BatchSource, items, numbered } from './batch/entries.js';
import {
  type BatchAnswer,
  type BatchItem,
  type BatchRequest,
  type BatchResult,
  heldBytes,
  isUnusable,
} from './batch/item.js';
import { run } from './batch/run.js';
import { checkFunction, checkSignal, flag, object, text } from './check.js';
import { disposed } from './engine/engine.js';
import type { Engines } from './engine/engines.js';
import { Gate } from './engine/gate.js';
import { isDeath, isGivenUp } from './engine/isolated/isolated-engine.js';
import { loadEngines } from './engine/load.js';
import { Access } from './image/access.js';
import { type ImageInput, withImage } from './image.js';
import { openModel } from './model-source.js';
import { type NativeGenerate, native, type Pixels } from './native.js';
import {
  captionLanguage,
  checkLength,
  constrained,
  generateRequest,
  labelList,
  loadOptions,
  multipleChoice,
} from './options.js';
import { textStream } from './stream.js';
import { answerPrompt } from './tasks/answer.js';
import { captionPrompt } from './tasks/caption.js';
import {
  type Choice,
  choiceAt,
  chooseAnswer,
  choosePrompt,
  type MultipleChoice,
  parseChoice,
  softmax,
} from './tasks/choose.js';
import { type Detection, toDetection } from './tasks/detect.js';
import { detectPrompt, type Piece, parseObjects, segmentPrompt } from './tasks/objects.js';
import { readPrompt } from './tasks/read.js';
import { encodeOwnMask } from './tasks/rle.js';
import { MASK_SIZE, type Segment, toSegment } from './tasks/segment.js';
import type {
  CaptionOptions,
  ChooseOptions,
  DetectOptions,
  GenerateRequest,
  Generation,
  GenerationStream,
  LoadedModelInfo,
  LoadOptions,
  Score,
  ScoreRequest,
  TaskOptions,
  Timings,
  Trace,
  VideoOptions,
} from './types.js';
import { type VideoInput, videoFrames } from './video.js';

const NO_MASKS_WARNING =
  'this model has no mask decoder, so segments have boxes only: convert it again with --mask-decoder vae-oid.npz';

const EMBEDDED_WARNING =
  'no model was given: using the embedded paligemma-emoji-112, which knows drawn emoji scenes only';

/**
 * A loaded PaliGemma. Calls may overlap: they wait for each other, at most `maxSequences` run together. Nothing here blocks
 * the event loop: images are decoded on libvips' threads, the model runs on a thread of its own.
 */
export class PaliGemma implements AsyncDisposable {
  readonly info: LoadedModelInfo;
  readonly #engine: Engines;
  readonly #gate: Gate;
  /** For items whose engine died. */
  readonly #again = new Gate(1);
  readonly #access: Access;

  private constructor(engine: Engines, info: LoadedModelInfo, access: Access) {
    this.#engine = engine;
    this.#access = access;
    this.info = info;
    // So many requests have their pictures resized ahead of the model: it never waits for one, and memory does not grow with
    // what is asked. How many of the pictures are decoded at a time is bounded by their bytes, in withImage.
    this.#gate = new Gate(this.concurrency);
  }

  /**
   * Loads a model.
   * @param model folder with `model.gguf` and `mmproj.gguf`, as `convert` makes it; or a checkpoint on the disk, or a hub id such as
   *   `google/paligemma-3b-mix-224`, which is fetched and converted into the cache the first time; none: the embedded emoji model
   * @throws PaliGemmaError ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL, ERR_UNSUPPORTED_MODEL, ERR_INVALID_ARGUMENT,
   *   ERR_DEVICE_UNAVAILABLE, ERR_OUT_OF_MEMORY, ERR_ADDON_NOT_FOUND, and for what is fetched ERR_GATED_MODEL, ERR_DOWNLOAD_FAILED, ERR_DISK_FULL or
   *   ERR_CONVERSION_FAILED; the signal's reason when aborted
   */
  static async load(model?: string, options: LoadOptions = {}): Promise<PaliGemma> {
    loadOptions(model, options);
    options.signal?.throwIfAborted();
    if (model === undefined)
      process.emitWarning(EMBEDDED_WARNING, { type: 'PaliGemma', code: 'PALIGEMMA_EMBEDDED_MODEL' });
    const access = await Access.open(options.imageAccess);
    const opened = await openModel(model, options);
    options.signal?.throwIfAborted();
    const { engines, info } = await loadEngines(opened, options);
    return new PaliGemma(engines, info, access);
  }

  /**
   * Answers a prompt about images (or about none).
   * @throws PaliGemmaError ERR_INVALID_ARGUMENT, ERR_INVALID_IMAGE, ERR_PROMPT_TOO_LONG, ERR_INFERENCE_FAILED or
   *   ERR_DISPOSED; the signal's reason when aborted
   */
  async generate(request: GenerateRequest): Promise<Generation> {
    return (await this.#generate(request, request?.signal)).generation;
  }

  /** As {@link generate}, with the text in pieces as it comes. */
  stream(request: GenerateRequest): GenerationStream {
    checkSignal(request?.signal);
    return textStream(
      async (push, signal) => (await this.#generate(request, signal, push)).generation,
      request?.signal,
    );
  }

  /** Describes an image in a sentence. Errors as of {@link generate}. */
  async caption(image: ImageInput, options: CaptionOptions = {}): Promise<string> {
    return this.#text(captionPrompt(captionLanguage(options)), [image], options);
  }

  /** Answers a question about one or several images in a few words. */
  async answer(image: ImageInput | ImageInput[], question: string, options: CaptionOptions = {}): Promise<string> {
    const prompt = answerPrompt(captionLanguage(options), text('question', question));
    return this.#text(prompt, Array.isArray(image) ? image : [image], options);
  }

  /** Reads the text in an image. */
  async read(image: ImageInput, options: TaskOptions = {}): Promise<string> {
    return this.#text(readPrompt(), [image], options);
  }

  /**
   * Finds things by name. Boxes are in pixels of the original picture, upright.
   * @param labels what to look for: names, or one text with `;` between them
   * @returns what was found, in the model's order; empty when there is nothing
   */
  async detect(image: ImageInput, labels: string | string[], options: DetectOptions = {}): Promise<Detection[]> {
    return (await this.#detect(image, labels, options)).detections;
  }

  /**
   * Finds things by name and their shapes. A model without a mask decoder gives boxes only, with `mask: null` and a warning
   * that says how to add one.
   */
  async segment(image: ImageInput, labels: string | string[], options: DetectOptions = {}): Promise<Segment[]> {
    return (await this.#segment(image, labels, options)).segments;
  }

  /** Answers a question that has several answers to choose from, with ScienceQA's prompt. `image` may be null. */
  async choose(image: ImageInput | null, question: MultipleChoice, options: ChooseOptions = {}): Promise<Choice> {
    multipleChoice(question);
    object('options', options);
    const prompt = choosePrompt(question);
    const images = image === null ? [] : [image];
    if (!options.score) return parseChoice(await this.#text(prompt, images, options), question);
    const scores = await Promise.all(
      question.choices.map((_, i) => this.score({ prompt, images, answer: chooseAnswer(i), signal: options.signal })),
    );
    const probabilities = softmax(scores.map(({ logprob }) => logprob));
    const best = probabilities.indexOf(Math.max(...probabilities));
    return { ...choiceAt(best, question.choices), probabilities };
  }

  /** Describes a short video, or answers a question about it, from frames spread evenly over it. */
  async captionVideo(video: VideoInput, options: VideoOptions = {}): Promise<string> {
    object('options', options);
    const { question, frames, range, ffmpeg, ...rest } = options;
    const language = captionLanguage(rest);
    const prompt =
      question === undefined ? captionPrompt(language) : answerPrompt(language, text('question', question));
    return this.#text(prompt, await videoFrames(video, { frames, range, ffmpeg }, options.signal, this.#access), rest);
  }

  /** How probable a given answer is. */
  async score(request: ScoreRequest): Promise<Score> {
    const answer = text('answer', request?.answer);
    const scored = { prompt: request.prompt, images: request.images, logprobs: 0 };
    const { generation } = await this.#generate(scored, request.signal, undefined, { forced: answer });
    const { logprobs: tokens = [] } = generation;
    return { logprob: tokens.reduce((sum, { logprob }) => sum + logprob, 0), tokens };
  }

  /** The projected features of an image, `[imageTokens, width]` row-major, in the projector's own scale. */
  async encode(image: ImageInput, options: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    object('options', options);
    checkSignal(options.signal);
    return this.#gate.run(async ({ signal }) => {
      const { pixels } = await this.#prepare([image], signal);
      return (await this.#engine.submit({ kind: 'encode', images: pixels }, signal)).features;
    }, options.signal);
  }

  /** Everything the model computes up to the first token, to check numbers against a reference. */
  async trace(request: GenerateRequest): Promise<Trace> {
    const { prompt, images } = generateRequest(request);
    return this.#gate.run(async ({ signal }) => {
      const { pixels } = await this.#prepare(images, signal);
      const { inputIds, pixelValues, imageFeatures, logits } = await this.#engine.submit(
        { kind: 'trace', prompt, images: pixels },
        signal,
      );
      return { inputIds, pixelValues, imageFeatures, logits };
    }, request.signal);
  }

  /**
   * Asks the same of many pictures, as many at a time as keep the model busy. Pictures that fail are results with an `error`.
   * Items are read from the source as results are taken, so that memory stays the same however long it is; leaving the loop
   * ends what is unfinished.
   * @param source items or images, from an array, a generator or a stream (folders and files of many: the command `paligemma batch`)
   * @throws PaliGemmaError ERR_INVALID_ARGUMENT for what is no such source, ERR_DISPOSED; the signal's reason when aborted
   */
  batch(source: BatchSource, options: BatchOptions = {}): AsyncIterable<BatchResult> {
    object('options', options);
    const { ordered = false, skip = () => false, signal, ...request } = options;
    checkSignal(signal);
    checkFunction('skip', skip);
    checkRequest(request);
    return run(
      numbered(items(source), (entry, index) => !isUnusable(entry) && skip(entry, index)),
      ({ entry, index }, inner) => resultOf(entry, index, (item) => this.ask(item, request, inner), inner),
      {
        ...{ window: this.concurrency, ordered: flag('ordered', ordered), signal },
        weigh: ({ entry }) => heldBytes(entry),
      },
    );
  }

  /**
   * Answers one item as {@link batch} answers many: a task by its name, the answer as a plain object with its timings.
   * @param request what to ask where the item does not say
   * @throws as {@link generate}
   */
  async ask(item: BatchItem, request: BatchRequest = {}, signal?: AbortSignal): Promise<BatchAnswer> {
    return this.#ask(item, request, signal).catch((error) => {
      // Somebody else's picture may have ended the engine's process. One after another they have another try.
      if (!isDeath(error) || isGivenUp(error)) throw error;
      return this.#again.run(() => this.#ask(item, request, signal), signal);
    });
  }

  async #ask(item: BatchItem, request: BatchRequest, signal: AbortSignal | undefined): Promise<BatchAnswer> {
    const started = performance.now();
    const { task: _, prompt: __, question: ___, labels: ____, language: _____, ...sampling } = request;
    const asked = askedOf(item, request);
    const done = (timings: Timings) => ({ timings: rounded({ ...timings, total: performance.now() - started }) });
    if (asked.kind === 'text') {
      const { prompt, locations } = asked;
      const { text, timings } = await this.generate({ ...sampling, prompt, locations, images: [item.image], signal });
      return { text, ...done(timings) };
    }
    const { labels } = asked;
    if (!asked.segment) {
      const { detections, timings } = await this.#detect(item.image, labels, { ...sampling, signal });
      return { objects: detections, ...done(timings) };
    }
    const { segments, timings } = await this.#segment(item.image, labels, { ...sampling, signal });
    const objects = await Promise.all(
      segments.map(async (found) => ({ ...found, mask: found.mask && (await encodeOwnMask(found.mask)) })),
    );
    return { objects, ...done(timings) };
  }

  /** Requests at a time that keep the model busy: those it computes together, as many again, and a few that are being read. */
  get concurrency(): number {
    return 2 * this.info.maxSequences + 8;
  }

  /** Frees the model. What is unfinished rejects with ERR_DISPOSED, as does every later call. May be called again. */
  async dispose(): Promise<void> {
    this.#gate.close(disposed());
    await this.#engine.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  /** The text of an answer, without locations unless asked for. */
  async #text(prompt: string, images: ImageInput[], taskOptions: CaptionOptions): Promise<string> {
    object('options', taskOptions);
    const { signal, ...options } = taskOptions;
    return (await this.#generate({ locations: false, ...options, prompt, images }, signal)).generation.text;
  }

  async #detect(image: ImageInput, labels: string | string[], options: DetectOptions) {
    const { objects, width, height, timings } = await this.#find(image, labels, options, false);
    return { detections: objects.map((object) => toDetection(object, width, height)), timings };
  }

  async #segment(
    image: ImageInput,
    labels: string | string[],
    options: DetectOptions,
  ): Promise<{ segments: Segment[]; timings: Timings }> {
    const { objects, width, height, timings } = await this.#find(image, labels, options, true);
    if (!this.info.maskDecoder) {
      process.emitWarning(NO_MASKS_WARNING, { type: 'PaliGemma', code: 'PALIGEMMA_NO_MASK_DECODER' });
      const boxes = objects.map((object) => ({ ...toDetection(object, width, height), mask: null }));
      return { segments: boxes, timings };
    }
    if (objects.length === 0) return { segments: [], timings };
    const masks = objects.map(({ codes }) => codes);
    const { values } = await this.#engine.submit({ kind: 'masks', masks }, options.signal);
    const segments: Segment[] = [];
    for (const [i, object] of objects.entries()) {
      const mask = values.subarray(i * MASK_SIZE ** 2, (i + 1) * MASK_SIZE ** 2);
      segments.push(await toSegment(object, mask, width, height));
    }
    return { segments, timings };
  }

  /** The objects of an answer to `detect` or `segment`, and the size of the picture. */
  async #find(image: ImageInput, labels: string | string[], options: DetectOptions, segment: boolean) {
    const names = labelList(labels);
    const wellFormed = constrained(options);
    const { signal, maxTokens = segment ? 512 : 256, temperature, topK, topP, seed } = options;
    const request = {
      maxTokens,
      temperature,
      topK,
      topP,
      seed,
      prompt: segment ? segmentPrompt(names) : detectPrompt(names),
      images: [image],
      logprobs: 0,
      locations: true,
    };
    const constraint = wellFormed ? { constraint: { labels: names, segment } } : {};
    const { generation, pieces, sizes } = await this.#generate(request, signal, undefined, constraint);
    const { width, height } = sizes[0] as Size;
    const objects = parseObjects(pieces, { segment, cut: generation.finishReason === 'length' });
    return { objects, width, height, timings: generation.timings };
  }

  async #generate(
    request: GenerateRequest,
    signal: AbortSignal | undefined,
    push?: (text: string) => void,
    extra: Pick<NativeGenerate, 'constraint' | 'forced'> = {},
  ): Promise<{ generation: Generation; pieces: Piece[]; sizes: Size[] }> {
    const started = performance.now();
    const { images, ...settings } = generateRequest(request);
    this.#engine.throwIfDisposed();
    checkLength(settings.prompt, this.info.contextTokens);
    const { done, sizes, entered, prepared } = await this.#gate.run(async ({ signal }) => {
      const entered = performance.now();
      const { pixels, sizes } = await this.#prepare(images, signal);
      const prepared = performance.now();
      const native = { kind: 'generate', ...settings, ...extra, images: pixels, stream: push !== undefined } as const;
      return { done: await this.#engine.submit(native, signal, push), sizes, entered, prepared };
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

  /** Decodes and resizes images, as many at once as there is memory for. */
  async #prepare(images: ImageInput[], signal: AbortSignal): Promise<{ pixels: Pixels[]; sizes: Size[] }> {
    const prepared = await Promise.all(
      images.map((input) =>
        withImage(
          input,
          async ({ data, width, height }) => {
            signal.throwIfAborted();
            const pixels = await native().resize(data, width, height, this.info.imageSize);
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

/** Of an original picture, in pixels. */
interface Size {
  width: number;
  height: number;
}

/** To hundredths of a millisecond, which is as exact as they are. */
const rounded = (timings: Timings): Timings =>
  Object.fromEntries(
    Object.entries(timings).map(([name, ms]) => [name, Math.round(ms * 100) / 100]),
  ) as unknown as Timings;
