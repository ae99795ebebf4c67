import type { ImageInput } from './image.js';
import type { Progress, WeightType } from './weights/convert.js';

export type Device = 'auto' | 'cpu';

export interface LoadOptions {
  /** Default `auto`: the best backend of this build, today the CPU. */
  device?: Device;
  /** Default: the processors this process may use. */
  threads?: number;
  /**
   * Tokens of images, prompt and answer together that one request may have. Default: eight images and 512 tokens, at most
   * what the model was trained for (but at least one image and 512 tokens).
   */
  contextTokens?: number;
  /** Requests computed at the same time; more wait. Default 1, at most 256. */
  maxSequences?: number;
  /** Element type of the key/value cache. Default: `f32` for float32 weights, else `f16`. */
  cacheType?: 'f16' | 'f32';
  onProgress?: (progress: Progress) => void;
  /** Aborting rejects with its reason and frees what was loaded. */
  signal?: AbortSignal;
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
  vocabulary: number;
  parameters: number;
  /** Type of the text model's matrices. */
  quantization: WeightType | (string & {});
  visionQuantization: WeightType | (string & {});
  /** Most tokens of one request. */
  contextTokens: number;
  licence: string;
  /** Bytes. `cache` is all sequences' keys and values. */
  memory: { weights: number; cache: number };
}

export interface LoadedModelInfo extends ModelInfo {
  device: 'cpu';
  threads: number;
  maxSequences: number;
  cacheType: 'f16' | 'f32';
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
  signal?: AbortSignal;
}

/** Milliseconds. */
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

export interface Generation {
  text: string;
  /** Token ids as generated, with the closing `<eos>` when there was one. */
  tokens: number[];
  /** `stop`: the model ended its answer; `length`: `maxTokens` or the context ended it. */
  finishReason: 'stop' | 'length';
  usage: { imageTokens: number; promptTokens: number; newTokens: number };
  timings: Timings;
}

/** Text in pieces as it is generated, never cut within a character. Leaving the loop early stops the generation. */
export interface GenerationStream extends AsyncIterable<string> {
  /** The whole answer, once it is there. */
  readonly result: Promise<Generation>;
}

export interface CaptionOptions extends Omit<GenerateRequest, 'prompt' | 'images'> {
  /** Language code such as `en`, `es`, `de`. Default `en`. */
  language?: string;
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
