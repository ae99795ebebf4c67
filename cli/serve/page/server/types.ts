// What the server answers.

export interface Config {
  version: string;
  /** Whether requests need `Authorization: Bearer KEY`. */
  keyNeeded: boolean;
  /** Whether this page may start downloads. */
  downloads: boolean;
  /** Whether the server finds a Hugging Face token. */
  hubToken: boolean;
}

export interface Progress {
  stage: 'download' | 'convert' | 'load';
  done: number;
  total: number;
  /** Bytes a second, seconds. */
  speed?: number;
  timeLeft?: number;
}

export interface Failure {
  code: string;
  message: string;
}

export interface ModelInfo {
  name: string;
  architecture: string;
  imageSize: number;
  imageTokens: number;
  quantization: string;
  visionQuantization: string;
  device: string;
  devices: string[];
  licence: string;
  parameters: number;
  maskDecoder: boolean;
  contextTokens: number;
  maxSequences: number;
  memory: { weights: number; cache: number; compute: number };
}

export interface Model {
  id: string;
  paligemma: {
    state: 'unloaded' | 'loading' | 'loaded' | 'failed';
    progress?: Progress;
    error?: Failure;
    /** The small emoji model that comes with the package. */
    embedded: boolean;
    info?: ModelInfo;
  };
}

export interface PublishedModel {
  id: string;
  architecture: string;
  kind: 'pt' | 'mix' | 'ft';
  imageSize: number;
  parameters: number;
  sizes: Record<string, { disk: number; memory: number }>;
  licence: string;
  licenceUrl: string;
  page: string;
}

export interface Download {
  id: string;
  model: string;
  quantization: string;
  state: 'running' | 'done' | 'failed' | 'cancelled';
  progress?: Progress;
  error?: Failure;
  notices: string[];
}

/** Sides in pixels of the original, upright picture. */
export interface Box {
  xmin: number;
  ymin: number;
  xmax: number;
  ymax: number;
}

/** COCO's compressed run-length encoding. */
export interface RunLength {
  /** Height, width. */
  size: [number, number];
  counts: string;
}

export interface FoundObject {
  label: string;
  score: number;
  box: Box;
  /** Null where the model has no mask decoder. */
  mask?: RunLength | null;
}

export interface Choice {
  index: number | null;
  letter: string | null;
  text: string | null;
  answer: string;
  probabilities?: number[];
}

/** Milliseconds. */
export interface Timings {
  image: number;
  queue: number;
  vision: number;
  prefill: number;
  decode: number;
  total: number;
}

export interface TaskResult {
  model: string;
  text?: string;
  objects?: FoundObject[];
  choice?: Choice;
  finishReason?: 'stop' | 'length';
  usage?: { imageTokens: number; promptTokens: number; newTokens: number; rememberedImages: number };
  timings?: Timings;
}
