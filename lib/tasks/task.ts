import type { JsonSchema } from './json-schema.js';
import type { Options, OptionsOf } from './option.js';

/**
 * All that is known of a task. Its method, its command with flags and help, what a batch item may ask, what travels to
 * workers and its JSON Schemas come from here. A new task is a file that exports one of these, and its line in the index.
 */
export interface Task<O extends Options = Options, R = unknown, S extends Options = Options> {
  readonly name: string;
  /** What it does, for help. */
  readonly summary: string;
  /** How many pictures one question is about. */
  readonly images: { readonly least: 0 | 1; readonly most: number };
  /** What is asked. */
  readonly options: O;
  /** What it takes of how tokens are chosen. */
  readonly sampling: S;
  /** An option that, given without a task, means this one. */
  readonly impliedBy?: keyof O & string;
  /** Whether the answer is text, which can be streamed. */
  readonly streams: boolean;
  /** @param options checked */
  ask(options: OptionsOf<O>): Ask;
  /** @throws PaliGemmaError ERR_INFERENCE_FAILED */
  result(answer: Answer, options: OptionsOf<O>, tools: Tools): R | Promise<R>;
  /** The result as one field of a JSON object. */
  readonly json: { readonly field: string; readonly schema: JsonSchema; of(result: R): unknown };
}

/** What the model is asked. */
export interface Ask {
  prompt: string;
  /** Most tokens where the caller says nothing. Default 100. */
  maxTokens?: number;
  /** Whether locations become text where the caller says nothing. Default false. */
  locations?: boolean;
  /** Only well-formed answers of these labels. */
  constraint?: { labels: string[]; segment: boolean };
  /** Find out how probable each of these answers is, instead of one answer. */
  answers?: string[];
}

/** A part of an answer: a token's text. */
export interface Piece {
  text: string;
  /** Natural logarithm of its probability; of a location, of the probability that it or one within 10 bins (1 %) comes. */
  logprob: number;
}

export interface Answer {
  text: string;
  /** Of tasks that do not stream. */
  pieces: Piece[];
  /** Whether a limit ended it. */
  cut: boolean;
  /** Of the original pictures, in pixels. */
  sizes: Size[];
  /** Log-probabilities of {@link Ask.answers}. */
  scores: number[];
}

export interface Size {
  width: number;
  height: number;
}

/** What a task may need of the model once the answer is there. */
export interface Tools {
  /** `[n, 64, 64]` values from -1 to 1 for n times sixteen codes. Null: the model has no mask decoder. */
  decodeMasks: ((codes: number[][]) => Promise<Float32Array>) | null;
}

/** Keeps the types of a description's options. */
export const task = <const O extends Options, R, const S extends Options>(described: Task<O, R, S>): Task<O, R, S> =>
  described;
