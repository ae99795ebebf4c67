// The one file that knows the addon: the type of its surface and how it is found.
import { createRequire } from 'node:module';
import path from 'node:path';
import { PaliGemmaError, reasonOf } from '../base/errors.js';
import { packageVersion } from '../base/package-root.js';
import { installedBackends } from './backends.js';
import type { ExpectedTensor, GgufPlan, Judged, JudgedKeys, JudgedTensors, TextShape } from './gguf.js';
import { addonFile, buildCommand, versionMismatch } from './locate.js';
import { withLongPaths } from './long-paths.js';

export interface NativeModelOptions {
  textPath: string;
  visionPath: string;
  /** ggml's name of a graphics card; empty: the processor. */
  device: string;
  threads: number;
  contextTokens: number;
  maxSequences: number;
  /** Most tokens of prefixes computed together, if more than one request may have. */
  batchTokens: number;
  /** Images are encoded together as far as they have this many tokens. */
  visionBatchTokens: number;
  cacheType: 'f16' | 'f32';
  imageToken: number;
  /** For features of images that were seen before. */
  featureCacheBytes: number;
  /** Whether the text model is used where it lies in the file's pages, instead of being read into memory. */
  mapWeights: boolean;
}

/** A resized picture: interleaved 8-bit RGB `[size, size, 3]`. */
export type Pixels = Uint8Array;

export interface NativeGenerate {
  kind: 'generate';
  id: number;
  images: Pixels[];
  prompt: string;
  maxTokens: number;
  temperature: number;
  topK: number;
  topP: number;
  seed: number;
  numBeams: number;
  lengthPenalty: number;
  stop: string[];
  /** Whether locations and mask codes become text. */
  locations: boolean;
  stream: boolean;
  /** Absent: none. */
  logprobs?: number;
  /** An answer to score instead of finding one. */
  forced?: string;
  /** Only well-formed detections or segments of these labels. */
  constraint?: { labels: string[]; segment: boolean };
}

export type NativeRequest =
  | { kind: 'encode'; id: number; images: Pixels[] }
  | { kind: 'trace'; id: number; images: Pixels[]; prompt: string }
  | { kind: 'masks'; id: number; masks: number[][] }
  | NativeGenerate;

/** Milliseconds. */
export interface NativeTimings {
  queue: number;
  vision: number;
  prefill: number;
  decode: number;
}

export interface LoadedEvent {
  type: 'loaded';
  imageSize: number;
  imageTokens: number;
  width: number;
  vocabulary: number;
  cacheBytes: number;
  computeBytes: number;
  maskDecoder: boolean;
}
export interface TextEvent {
  type: 'text';
  id: number;
  text: string;
}
export interface DoneEvent {
  type: 'done';
  id: number;
  text: string;
  tokens: number[];
  stopped: boolean;
  imageTokens: number;
  promptTokens: number;
  rememberedImages: number;
  timings: NativeTimings;
  beamScore: number;
  /** One array a token: itself, then the most probable ones. `near`: of a location, that it or one within 10 bins comes. */
  logprobs: [own: NativeLogprob & { near: number }, ...top: NativeLogprob[]][];
}
interface NativeLogprob {
  token: number;
  text: string;
  logprob: number;
}
export interface MasksEvent {
  type: 'masks';
  id: number;
  /** `[masks, 64, 64]`; empty when the model has no mask decoder. */
  values: Float32Array;
}
export interface EncodedEvent {
  type: 'encoded';
  id: number;
  features: Float32Array;
  timings: NativeTimings;
}
export interface TracedEvent {
  type: 'traced';
  id: number;
  inputIds: Int32Array;
  pixelValues: Float32Array;
  imageFeatures: Float32Array;
  logits: Float32Array;
}
export interface FailedEvent {
  type: 'failed';
  id: number;
  reason: string;
  /** `memory`: there was too little; `numbers`: the weights gave NaN or infinity. */
  cause: 'computing' | 'memory' | 'numbers';
}
export type RequestEvent =
  | TextEvent
  | DoneEvent
  | EncodedEvent
  | TracedEvent
  | MasksEvent
  | { type: 'tooLong'; id: number; tokens: number; limit: number }
  | FailedEvent;
export type NativeEvent =
  | LoadedEvent
  | { type: 'loadFailed'; reason: string }
  | { type: 'progress'; done: number }
  | { type: 'closed' }
  /** Instead of `closed`, of an engine in a process of its own. */
  | { type: 'died'; error: PaliGemmaError }
  | RequestEvent;

export interface NativeModel {
  submit(request: NativeRequest): void;
  abort(id: number): void;
  /** Ends the engine within a step; the last event is `closed`. */
  stop(): void;
  /** Whether pending events keep the process alive. */
  hold(on: boolean): void;
  /** Ends the engine's thread, waiting for it, and lets go of `onEvent`, so that both sides can be collected. */
  release(): void;
}

export interface NativeDevice {
  /** `cpu`, `cuda`, `vulkan`, `metal`. */
  backend: string;
  /** Among those of its backend. */
  index: number;
  /** As ggml calls it. */
  name: string;
  description: string;
  freeBytes: number;
  totalBytes: number;
}

/** Operations a second in products (an addition and a multiplication are two), 0 without such; `reading` bytes a second. */
export interface ProcessorPeaks {
  float32: number;
  int8: number;
  /** In bfloat16, by a tile unit (AMX). */
  tiles: number;
  reading: number;
}

export interface Addon {
  /** Of the package that it was built with. */
  version: string;
  /** Loads the compute backends that lie in these folders, those for the processor too. */
  loadBackends(folders: string[]): void;
  /** Why the library of a backend (`cuda`) does not load; '' where it does. */
  whyNotLoaded(backend: string, library: string): string;
  devices(): NativeDevice[];
  /** Instruction sets that the processor's library uses. */
  cpuFeatures(): string;
  /** What the processor does at most with so many threads: operations a second, and bytes a second from memory. */
  measurePeaks(threads: number): Promise<ProcessorPeaks>;
  Model: new (options: NativeModelOptions, onEvent: (event: NativeEvent) => void) => NativeModel;
  /** Interleaved 8-bit RGB from other layouts. Consumes `data`: its buffer is detached in the end. */
  toRgb(data: Uint8Array, pixels: number, layout: 'grey' | 'grey16' | 'rgba' | 'cmyk'): Promise<Uint8Array>;
  /** Pillow's 8-bit bicubic resize of interleaved RGB to a square. Consumes `rgb`: its buffer is detached in the end. */
  resize(rgb: Uint8Array, width: number, height: number, size: number): Promise<Pixels>;
  /** A mask `[height, width]` of 0 and 255: opacities `[size, size]`, resized to the box as Pillow does bilinearly, cut at one half. */
  layMask(
    opacities: Float32Array,
    size: number,
    box: [left: number, top: number, width: number, height: number],
    width: number,
    height: number,
  ): Promise<Uint8Array>;
  /** Runs of zeros and non-zeros, down the columns, in COCO's ASCII form. Nobody may transfer `mask` until it is done. */
  encodeRuns(mask: Uint8Array, width: number, height: number): Promise<string>;
  /** Judge a model's two files by their keys, and the text model's vocabulary. */
  judgeText(path: string): Promise<Judged<JudgedKeys>>;
  judgeVision(path: string): Promise<Judged<JudgedKeys>>;
  /** Judges either file by its tensors: those expected and no other, in types that can be computed with. */
  judgeTensors(path: string, expected: ExpectedTensor[]): Promise<Judged<JudgedTensors>>;
  /** Type of each tensor (`shape` fastest dimension first) in a file of this `llama_ftype`, as llama.cpp's quantiser decides. */
  tensorTypes(text: TextShape, fileType: number, tensors: { name: string; shape: number[] }[]): string[];
  /** Resolves to false when cancelled. What `onProgress` throws ends the work, and the promise rejects with it. */
  writeGguf(plan: GgufPlan, onProgress: (sourceBytes: number) => void): { promise: Promise<boolean>; cancel(): void };
}

let addon: Addon | undefined;

/**
 * The addon: a build from source if there is one, else the binary of this platform.
 * @throws PaliGemmaError ERR_ADDON_NOT_FOUND, ERR_VERSION_MISMATCH
 */
export function native(): Addon {
  if (addon) return addon;
  const require = createRequire(import.meta.url);
  const file = addonFile();
  const backends = installedBackends();
  let found: Addon;
  try {
    found = require(file);
    if (found.version === packageVersion()) found.loadBackends([path.dirname(file), ...backends]);
  } catch (error) {
    throw new PaliGemmaError(
      'ERR_ADDON_NOT_FOUND',
      `the native addon ${file} does not load (${reasonOf(error).split('\n')[0]}); ` +
        `build one for this machine with: ${buildCommand()}`,
      { cause: error },
    );
  }
  if (found.version !== packageVersion()) throw versionMismatch(file, found.version);
  addon = process.platform === 'win32' ? withLongPaths(found) : found;
  return addon;
}
