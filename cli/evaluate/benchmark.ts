// What a benchmark is. A new one is a file that exports one of these, and its line in benchmarks/index.ts.
import type { BatchRequest } from 'node-paligemma';
import type { DataFolder } from './layout/data-folder.js';
import type { HubData } from './layout/hub.js';
import type { Measure } from './measures/measure.js';

/** A question about one picture, and what is known of its answer. */
export interface Question {
  /** No two of a split have the same. */
  id: string;
  /** Path of the picture, or where it is in a Parquet file. */
  image: string;
  /** As people read it. */
  question?: string;
  /** As the model gets it. Instead of it: `labels`. */
  prompt?: string;
  /** Things to detect, for benchmarks of boxes. */
  labels?: string[];
  /** What the measure compares answers with, as JSON. */
  targets: unknown;
  /** Kinds of questions have scores of their own. */
  category?: string;
  /** Questions of one group are drawn together, as the two of a pair. */
  group?: string;
}

/** A score that somebody published, in the measure's unit. */
export interface Published {
  model: string;
  /** Pixels on each side. */
  resolution: number;
  value: number;
  /** Of which split or category. Default: the whole. */
  of?: string;
  /** Where it was measured otherwise than here. */
  note?: string;
}

/** Files that a benchmark needs, and who gives them out. */
export interface Source {
  files: string;
  from: string;
}

export interface Benchmark {
  readonly name: string;
  readonly title: string;
  /** Without it the pictures come with the package. */
  readonly sources: readonly Source[];
  /** The same as Parquet. Where `--data` has it, it is read instead. */
  readonly hub?: HubData;
  /** The first one is the default. */
  readonly splits: readonly string[];
  /** How the prompt is made, for people. */
  readonly prompt: string;
  /** The settings that the published scores were measured with. */
  readonly request: BatchRequest;
  /** Of each split its own, or one of all. */
  readonly measure: Measure | ((split: string) => Measure);
  /** @throws PaliGemmaError ERR_INVALID_ARGUMENT when the data lack something */
  questions(data: DataFolder, split: string): AsyncIterable<Question> | Iterable<Question>;
  readonly published: readonly Published[];
}
