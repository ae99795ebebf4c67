// What the addon says of model files, and is told to write into them.

/** What native/gguf says of a model file: what is in it, or why it is turned away. */
export type Judged<T> = T | { refused: 'invalid' | 'unsupported'; reason: string };

export interface JudgedKeys {
  /** Those that are no arrays, in their types and within their ranges. */
  values: Record<string, boolean | number | string>;
  /** Number of tokens; of the text model. */
  vocabulary: number;
  /** Whether there are tensors of a mask decoder. */
  maskDecoder: boolean;
}

export interface JudgedTensors {
  /** Of the whole file. */
  bytes: number;
  /** What is stored in which type, the largest share first. */
  types: { type: string; tensors: number; bytes: number }[];
}

/** `shape` slowest dimension first. `exact`: float32 only. */
export interface ExpectedTensor {
  gguf: string;
  shape: number[];
  kind: 'matrix' | 'exact';
}

export type GgufEntry = { key: string } & (
  | { type: 'bool'; value: boolean }
  | { type: 'u32' | 'f32'; value: number }
  | { type: 'string'; value: string }
  | { type: 'string[]'; value: string[] }
  | { type: 'f32[]' | 'i32[]'; value: number[] }
);

/** Where the values of a matrix lie: `path`, `offset` in bytes, ggml type, and [size, stride] of the axes of rows and columns. */
export interface NativeView {
  path: string;
  offset: number;
  type: string;
  rows: [number, number][];
  columns: [number, number][];
}

export interface GgufPlan {
  path: string;
  threads: number;
  values: GgufEntry[];
  tensors: {
    name: string;
    /** Fastest dimension first; what the source does not have is zero. */
    shape: number[];
    type: string;
    values: NativeView;
    /** Added to the values on the way: scale * left right, and a number. */
    lowRank: { left: NativeView; right: NativeView; scale: number }[];
    add: number;
  }[];
}

export interface TextShape {
  architecture: string;
  width: number;
  mlpWidth: number;
  layers: number;
  heads: number;
  keyValueHeads: number;
  headSize: number;
}
