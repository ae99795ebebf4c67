import type { Run } from './engine/run-task.js';
import type { ImageAccess } from './image/access.js';
import type { ImageInput } from './image/input.js';
import type { FrameOptions } from './image/video.js';
import type { OwnOptions, TaskName, TaskResult, Tasks } from './tasks/index.js';
import type { OptionsOf } from './tasks/option.js';
import type { Quantization, VisionQuantization } from './weights/quantization.js';

/** `cuda:1` is the second card of its kind, `cuda` the first. */
export type Device = 'auto' | 'cpu' | 'cuda' | 'metal' | 'vulkan' | `${'cuda' | 'metal' | 'vulkan'}:${number}`;

export interface Progress {
  stage: 'download' | 'convert' | 'load';
  /** Done and whole, in bytes; for `load` as a share of 1. */
  done: number;
  total: number;
  /** Bytes a second over the last seconds, and seconds left at that speed. Not for `load`. */
  speed?: number;
  timeLeft?: number;
}

export interface LoadOptions {
  /**
   * For checkpoints and hub ids: type of the text model. Default `f16`. `auto`: the best that fits the memory of the card, else of
   * the machine, of those in the cache first; which one a warning and `info.quantization` say.
   */
  quantization?: Quantization | 'auto';
  /** For checkpoints and hub ids: type of the vision tower. Default: as `quantization`, `q8_0` below eight bits. */
  visionQuantization?: VisionQuantization;
  /** For checkpoints and hub ids: path of `vae-oid.npz`, to decode masks with. */
  maskDecoder?: string;
  /** For checkpoints and hub ids: folder or hub id of a LoRA adapter to merge. */
  adapter?: string;
  /** For checkpoints: where the tokenizer is. Default: beside the weights. */
  tokenizer?: string;
  /** For hub ids: branch, tag or commit. Default `main`. */
  revision?: string;
  /** For hub ids: access token. Default: `HF_TOKEN`, or the file that `hf auth login` writes. */
  token?: string;
  /** For hub ids: fetch nothing, so that what is in no cache is ERR_MODEL_NOT_FOUND. Default: `HF_HUB_OFFLINE`, else false. */
  localFilesOnly?: boolean;
  /** Where converted models are kept. Default: `PALIGEMMA_CACHE`, or the platform's cache folder. */
  cacheDir?: string;
  /** Default `auto`: the first graphics card that the model fits into and loads onto, else the processor. */
  device?: Device;
  /** Several devices, each with a copy of the model; requests go to the one that has the least to do. Instead of `device`. */
  devices?: Exclude<Device, 'auto'>[];
  /** Default: the physical cores this process may use, within its container's share. */
  threads?: number;
  /**
   * Tokens of images, prompt and answer together that one request may have. Default: 2560 (eight images at 224 pixels and
   * 512 more), at most what the model was trained for, but at least one image and 512 tokens.
   */
  contextTokens?: number;
  /**
   * Requests computed at the same time on each device; more wait. Default: as many as have their keys and values in 128 MB,
   * from 1 to 32; on a graphics card as many as fit, up to 128. At most 256.
   */
  maxSequences?: number;
  /** Megabytes for features of images, by content: asked again, an image skips the vision tower. Default 64; 0: none. */
  featureCache?: number;
  /** Element type of the key/value cache. Default: `f32` for float32 weights, else `f16`. */
  cacheType?: 'f16' | 'f32';
  /**
   * Run the engine in a process of its own. When that dies, calls under way reject with ERR_ENGINE_DIED, the application lives,
   * and the next call finds a new process. `dispose` gives all its memory back to the system. Default false.
   */
  isolated?: boolean;
  /** What may be read as a picture, where paths and URLs come from others. Default: anything. */
  imageAccess?: ImageAccess;
  onProgress?: (progress: Progress) => void;
  /** What a user should read once: licences, what `auto` is, what is waited for. Default: a process warning. */
  onNotice?: (text: string) => void;
  /** Aborting rejects with its reason and frees what was loaded. */
  signal?: AbortSignal;
}

export interface ModelFile {
  path: string;
  bytes: number;
  /** Without those of a mask decoder. */
  parameters: number;
  types: { type: string; tensors: number; bytes: number }[];
}

export interface ModelInfo {
  /** Folder of the model. */
  path: string;
  /** Name written in the files. */
  name: string;
  /** Whether this is the small emoji model that comes with the package. */
  embedded: boolean;
  architecture: 'paligemma' | 'paligemma2';
  /** Pixels on each side of what the vision tower sees. */
  imageSize: number;
  /** Tokens that one image takes. */
  imageTokens: number;
  /** Values of one image feature: the width of the text model. */
  width: number;
  layers: number;
  /** Rows of the embedding table: tokens, and what fills it up. */
  vocabulary: number;
  parameters: number;
  /** Type of the text model's matrices. */
  quantization: Quantization | (string & {});
  visionQuantization: VisionQuantization | (string & {});
  /** Most tokens of one request. */
  contextTokens: number;
  licence: string;
  /** Bytes. `cache` is all sequences' keys and values. */
  memory: { weights: number; cache: number };
  /** Text model first. Bytes of the whole file, and of the tensors of each ggml type. */
  files: ModelFile[];
  /** Whether segments can be decoded to masks. */
  maskDecoder: boolean;
}

export interface LoadedModelInfo extends ModelInfo {
  /** The first of `devices`. */
  device: Exclude<Device, 'auto'>;
  devices: Exclude<Device, 'auto'>[];
  /** With `device: 'auto'`: those it did not load onto, better ones first, and why. */
  skippedDevices: { device: Exclude<Device, 'auto'>; reason: string }[];
  threads: number;
  /** Of all devices together. */
  maxSequences: number;
  cacheType: 'f16' | 'f32';
  /** Whether the engine runs in a process of its own. */
  isolated: boolean;
  /** Bytes, with what the text model computes in (reserved; used as far as requests are long). */
  memory: { weights: number; cache: number; compute: number };
}

export interface GenerateRequest {
  /**
   * The text after the images. Written as it is: task prompts are in docs of the model, such as `caption en`. Locations
   * (`<loc0512>`) and mask codes (`<seg012>`) are tokens, as in the reference; control tokens (`<image>`, `<bos>`, `<eos>`)
   * written here are plain text and never act.
   */
  prompt: string;
  images?: ImageInput[];
  /** Most tokens to generate. Default 100. */
  maxTokens?: number;
  /** 0 (default): greedy, always the most probable token. */
  temperature?: number;
  /** Draw from the most probable `topK` tokens only. Default: all. */
  topK?: number;
  /** Draw from the most probable tokens that hold this share of the probability. Default 1: all. */
  topP?: number;
  /** Of the draws; the same seed gives the same text on one device. Default: another one each time. */
  seed?: number;
  /** Sequences that beam search follows, as transformers does (`early_stopping` false). Default 1: no beam search. */
  numBeams?: number;
  /** Beam search prefers sequences by log-probability / length ^ lengthPenalty. Default 1. */
  lengthPenalty?: number;
  /** The answer ends before the first of these texts. */
  stop?: string[];
  /** Give each token's log-probability and so many alternatives (0 to 100). Default: none. */
  logprobs?: number;
  /** Whether locations and mask codes appear in the text. Default true; in captions, answers and read text false. */
  locations?: boolean;
  signal?: AbortSignal;
}

/** Milliseconds. What is computed for several requests together counts for each of them. */
export interface Timings {
  /** Reading, decoding and resizing the images. */
  image: number;
  /** Waiting for a free sequence. */
  queue: number;
  /** Vision tower and projector. */
  vision: number;
  /** The prefix: images and prompt. */
  prefill: number;
  /** All tokens of the answer. */
  decode: number;
  total: number;
}

/** Natural logarithms of the model's own probabilities, before temperature, cuts and constraints. */
export interface TokenLogprob {
  token: number;
  /** Empty for control tokens such as `<eos>`. */
  text: string;
  logprob: number;
  /** The most probable tokens at this place, best first. */
  top: { token: number; text: string; logprob: number }[];
}

export interface Generation {
  text: string;
  /** Token ids as generated, with the closing `<eos>` when there was one. */
  tokens: number[];
  /** `stop`: the model ended its answer; `length`: `maxTokens` or the context ended it. */
  finishReason: 'stop' | 'length';
  /** `rememberedImages`: whose features were known, so that the vision tower did not run for them. */
  usage: { imageTokens: number; promptTokens: number; newTokens: number; rememberedImages: number };
  timings: Timings;
  /** When asked for: one a token. */
  logprobs?: TokenLogprob[];
  /** With beam search: the sequence's log-probability / length ^ lengthPenalty. */
  beamScore?: number;
}

/** Text in pieces as it is generated, never cut within a character. Leaving the loop early stops the generation. */
export interface GenerationStream extends AsyncIterable<string> {
  /** The whole answer, once it is there. */
  readonly result: Promise<Generation>;
}

/** What every task takes beside its own options. */
export type TaskOptions = Omit<GenerateRequest, 'prompt' | 'images' | 'logprobs'>;

export interface CaptionOptions extends TaskOptions {
  /** Language code such as `en`, `es`, `de`. Default `en`. */
  language?: string;
}

/** As {@link CaptionOptions}: the language is that of the question and its answer. */
export type AnswerOptions = CaptionOptions;

export interface DetectOptions extends Omit<TaskOptions, 'numBeams' | 'lengthPenalty' | 'locations' | 'stop'> {
  /** Only well-formed answers with the labels asked for. Default true; what is well formed already stays as it is. */
  constrained?: boolean;
}

export interface ChooseOptions extends TaskOptions {
  /** Score every choice instead of reading the model's answer: gives probabilities, and costs a computation a choice. */
  score?: boolean;
}

export interface VideoOptions extends CaptionOptions, FrameOptions {
  /** A question about the video instead of a caption. */
  question?: string;
}

/** What `run` and `stream` take for a task: what it asks for, and how its tokens are chosen. */
export type TaskRunOptions<N extends TaskName> = OwnOptions<N> &
  OptionsOf<Tasks[N]['sampling']> & { signal?: AbortSignal };

/** A task's result, with the tokens, usage and timings of its answer. `finishReason` tells whether a limit cut it off. */
export type TaskRun<N extends TaskName> = Run<TaskResult<N>>;

/** Text in pieces as it is generated. Leaving the loop early stops the generation. */
export interface TaskStream<N extends TaskName> extends AsyncIterable<string> {
  /** The whole answer, once it is there. */
  readonly result: Promise<TaskRun<N>>;
}

export interface ScoreRequest {
  prompt: string;
  images?: ImageInput[];
  /** The answer to score. */
  answer: string;
  signal?: AbortSignal;
}

export interface Score {
  /** Log-probability of the whole answer and its end. */
  logprob: number;
  /** Of each token, the closing `<eos>` last. */
  tokens: TokenLogprob[];
}

/** The numbers on the way, to check against a reference. Arrays are row-major, slowest dimension first. */
export interface Trace {
  /** `[tokens]`: image placeholders, `<bos>`, prompt, line break. */
  inputIds: Int32Array;
  /** `[images, 3, imageSize, imageSize]`, value / 127.5 - 1. */
  pixelValues: Float32Array;
  /** `[images * imageTokens, width]`, in the projector's own scale. */
  imageFeatures: Float32Array;
  /** `[vocabulary]` at the last position of the prefix. */
  logits: Float32Array;
}
