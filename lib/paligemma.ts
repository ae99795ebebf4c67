import { checkFunction, checkSignal, flag, invalid, object, text } from './base/check.js';
import { Gate } from './base/gate.js';
import { checkRequest, questionOf, resultOf, rounded } from './batch/ask.js';
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
import { isDeath, isGivenUp } from './engine/isolated/isolated-engine.js';
import { loadEngines } from './engine/load.js';
import { Requests } from './engine/requests.js';
import { askTask, logprobOf, picturesOf, type Run } from './engine/run-task.js';
import { textStream } from './engine/stream.js';
import { Access } from './image/access.js';
import type { ImageInput } from './image/input.js';
import { type VideoInput, videoFrames } from './image/video.js';
import { givenModel, loadOptions, warnOfEmbedded } from './models/options.js';
import { type PublishedModel, publishedModels } from './models/published.js';
import { openModel } from './models/source.js';
import { answer } from './tasks/answer.js';
import { caption } from './tasks/caption.js';
import { type Choice, choose, type MultipleChoice } from './tasks/choose.js';
import { type Detection, detect } from './tasks/detect.js';
import { type TaskName, taskOf } from './tasks/index.js';
import type { Options } from './tasks/option.js';
import { read } from './tasks/read.js';
import { type Segment, segment } from './tasks/segment.js';
import type { Task } from './tasks/task.js';
import type {
  AnswerOptions,
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
  TaskRun,
  TaskRunOptions,
  TaskStream,
  Trace,
  VideoOptions,
} from './types.js';

/**
 * A loaded PaliGemma. Calls may overlap: they wait for each other, at most `maxSequences` run together. Nothing here blocks
 * the event loop: images are decoded on libvips' threads, the model runs on a thread of its own.
 */
export class PaliGemma implements AsyncDisposable {
  readonly info: LoadedModelInfo;
  readonly #requests: Requests;
  /** For items whose engine died. */
  readonly #again = new Gate(1);

  private constructor(requests: Requests, info: LoadedModelInfo) {
    this.#requests = requests;
    this.info = info;
  }

  /**
   * Loads a model.
   * @param model folder with `model.gguf` and `mmproj.gguf`, as `convert` makes it; or a checkpoint on the disk, or a hub id such as
   *   `google/paligemma-3b-mix-224`, which is fetched and converted into the cache the first time; or `embedded`: the small
   *   emoji model that comes with the package. Without any argument the embedded model too, with a warning.
   * @throws PaliGemmaError ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL, ERR_UNSUPPORTED_MODEL, ERR_INVALID_ARGUMENT (also for a model
   *   that is given and undefined), ERR_DEVICE_UNAVAILABLE, ERR_OUT_OF_MEMORY, ERR_ADDON_NOT_FOUND, and for what is fetched
   *   ERR_GATED_MODEL, ERR_DOWNLOAD_FAILED, ERR_DISK_FULL or ERR_CONVERSION_FAILED; the signal's reason when aborted
   */
  static async load(): Promise<PaliGemma>;
  static async load(model: string, options?: LoadOptions): Promise<PaliGemma>;
  static async load(...given: [model?: string, options?: LoadOptions]): Promise<PaliGemma> {
    const [model, options] = givenModel('load', given);
    loadOptions(model, options);
    options.signal?.throwIfAborted();
    if (model === undefined) warnOfEmbedded();
    const access = await Access.open(options.imageAccess);
    const opened = await openModel(model, options);
    options.signal?.throwIfAborted();
    const { engines, info } = await loadEngines(opened, options);
    return new PaliGemma(new Requests(engines, info, access), info);
  }

  /**
   * The checkpoints that Google published, PaliGemma 1 and 2, and what each takes in every type. Known beforehand: nothing is
   * asked or read. Other ids load as well.
   */
  static models(): PublishedModel[] {
    return publishedModels();
  }

  /**
   * Answers a prompt about images (or about none).
   * @throws PaliGemmaError ERR_INVALID_ARGUMENT, ERR_INVALID_IMAGE, ERR_PROMPT_TOO_LONG, ERR_INFERENCE_FAILED or
   *   ERR_DISPOSED; the signal's reason when aborted
   */
  async generate(request: GenerateRequest): Promise<Generation> {
    return (await this.#requests.generate(request, request?.signal)).generation;
  }

  /** As {@link generate}, with the text in pieces as it comes. */
  stream(request: GenerateRequest): GenerationStream;
  /** As {@link run} of a task that answers with a text, which comes in pieces. */
  stream<N extends TaskName>(
    task: N,
    images: ImageInput | ImageInput[] | null,
    options: TaskRunOptions<N>,
  ): TaskStream<N>;
  stream(request: GenerateRequest | TaskName, images?: ImageInput | ImageInput[] | null, options = {}) {
    if (typeof request !== 'string') {
      checkSignal(request?.signal);
      return textStream(
        async (push, signal) => (await this.#requests.generate(request, signal, push)).generation,
        request?.signal,
      );
    }
    const task = taskOf(request);
    if (!task.streams) throw invalid(`the task ${task.name} gives no text that comes in pieces: use run`);
    const { signal: outer } = options as { signal?: AbortSignal };
    checkSignal(outer);
    return textStream(
      async (push, signal) => this.#answer(task, picturesOf(task, images), { ...options, signal }, push),
      outer,
    );
  }

  /**
   * A task by its name, as its method does it, with the tokens, usage and timings beside the result.
   * @param images what the question is about; null for none
   * @param options what the task asks for (`labels`, `question`, ...), and those that its method takes
   * @throws as of {@link generate}
   */
  async run<N extends TaskName>(
    task: N,
    images: ImageInput | ImageInput[] | null,
    options: TaskRunOptions<N>,
  ): Promise<TaskRun<N>> {
    const described = taskOf(task);
    return (await this.#answer(described, picturesOf(described, images), options)) as TaskRun<N>;
  }

  /** Describes an image in a sentence. Errors as of {@link generate}. */
  async caption(image: ImageInput, options: CaptionOptions = {}): Promise<string> {
    return this.#result(caption, [image], options);
  }

  /** Answers a question about one or several images in a few words. */
  async answer(image: ImageInput | ImageInput[], question: string, options: AnswerOptions = {}): Promise<string> {
    return this.#result(answer, Array.isArray(image) ? image : [image], options, { question });
  }

  /** Reads the text in an image. */
  async read(image: ImageInput, options: TaskOptions = {}): Promise<string> {
    return this.#result(read, [image], options);
  }

  /**
   * Finds things by name. Boxes are in pixels of the original picture, upright.
   * @param labels what to look for: names, or one text with `;` between them
   * @returns what was found, in the model's order; empty when there is nothing
   */
  async detect(image: ImageInput, labels: string | string[], options: DetectOptions = {}): Promise<Detection[]> {
    return this.#result(detect, [image], options, { labels });
  }

  /**
   * Finds things by name and their shapes. A model without a mask decoder gives boxes only, with `mask: null` and a warning
   * that says how to add one.
   */
  async segment(image: ImageInput, labels: string | string[], options: DetectOptions = {}): Promise<Segment[]> {
    return this.#result(segment, [image], options, { labels });
  }

  /** Answers a question that has several answers to choose from, with ScienceQA's prompt. `image` may be null. */
  async choose(image: ImageInput | null, question: MultipleChoice, options: ChooseOptions = {}): Promise<Choice> {
    object('the question', question);
    const { question: asked, choices, context } = question;
    return this.#result(choose, image === null ? [] : [image], options, { question: asked, choices, context });
  }

  /** Describes a short video, or answers a question about it, from frames spread evenly over it. */
  async captionVideo(video: VideoInput, options: VideoOptions = {}): Promise<string> {
    object('options', options);
    const { question, frames, range, ffmpeg, ...rest } = options;
    const asked = question === undefined ? askTask(caption, rest) : askTask(answer, { ...rest, question });
    const images = await videoFrames(video, { frames, range, ffmpeg }, rest.signal, this.#requests.access);
    return (await asked.answer(this.#requests, images, this.info.maskDecoder)).result;
  }

  /** How probable a given answer is. */
  async score(request: ScoreRequest): Promise<Score> {
    const forced = text('answer', request?.answer);
    const scored = { prompt: request.prompt, images: request.images, logprobs: 0 };
    const { generation } = await this.#requests.generate(scored, request.signal, undefined, { forced });
    return { logprob: logprobOf(generation), tokens: generation.logprobs ?? [] };
  }

  /** The projected features of an image, `[imageTokens, width]` row-major, in the projector's own scale. */
  async encode(image: ImageInput, options: { signal?: AbortSignal } = {}): Promise<Float32Array> {
    return this.#requests.encode(image, options);
  }

  /**
   * The shapes that mask codes stand for.
   * @param codes sixteen whole numbers from 0 to 127 for each mask: the `<segNNN>` of an answer, in its order
   * @returns `[codes.length, 64, 64]` row-major, -1 (outside) to 1
   * @throws PaliGemmaError ERR_INVALID_ARGUMENT, ERR_UNSUPPORTED_MODEL for a model without a mask decoder, ERR_INFERENCE_FAILED or
   *   ERR_DISPOSED
   */
  async decodeMasks(codes: number[][]): Promise<Float32Array> {
    return this.#requests.masks(codes);
  }

  /** Everything the model computes up to the first token, to check numbers against a reference. */
  async trace(request: GenerateRequest): Promise<Trace> {
    return this.#requests.trace(request);
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
    const { task, options } = questionOf(item, request);
    const { result, finishReason, timings } = await this.#answer(task, [item.image], { ...options, signal });
    const answer = { [task.json.field]: await task.json.of(result), finishReason };
    return { ...answer, timings: rounded({ ...timings, total: performance.now() - started }) } as BatchAnswer;
  }

  /** Requests at a time that keep the model busy. */
  get concurrency(): number {
    return this.#requests.concurrency;
  }

  /** Frees the model. What is unfinished rejects with ERR_DISPOSED, as does every later call. May be called again. */
  async dispose(): Promise<void> {
    await this.#requests.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #result<O extends Options, R>(task: Task<O, R>, images: ImageInput[], options: object, asked = {}): Promise<R> {
    object('options', options);
    return (await this.#answer(task, images, { ...options, ...asked })).result;
  }

  #answer<O extends Options, R>(
    task: Task<O, R>,
    images: ImageInput[],
    options: object,
    push?: (text: string) => void,
  ): Promise<Run<R>> {
    return askTask(task, options).answer(this.#requests, images, this.info.maskDecoder, push);
  }
}
