// All that is told of a run, in one value: what --json prints, and the table and the page are made of.
import type { Benchmark, Published } from '../benchmark.js';
import type { Measure } from '../measures/measure.js';
import type { Prediction } from '../predictions.js';
import type { Scores } from '../score.js';

export interface Report {
  benchmark: string;
  title: string;
  split: string;
  model: string;
  /** The measure's title. */
  measure: string;
  settings: string;
  scores: Scores;
  failed: number;
  published: readonly Published[];
}

export interface Reported {
  benchmark: Benchmark;
  split: string;
  measure: Measure;
  predictions: readonly Prediction[];
  scores: Scores;
}

export function reportOf({ benchmark, split, measure, predictions, scores }: Reported): Report {
  const models = new Set(predictions.map(({ model }) => model));
  return {
    ...{ benchmark: benchmark.name, title: benchmark.title, split },
    model: [...models].filter(Boolean).join(', '),
    measure: measure.title,
    settings: settingsOf(benchmark),
    scores,
    failed: predictions.filter(({ error }) => error).length,
    published: benchmark.published.filter(({ of }) => of === undefined || of === split || of in scores.categories),
  };
}

/** Printed, since scores hang on them. */
export function settingsOf({ prompt, request }: Benchmark): string {
  const { numBeams = 1, maxTokens = 100 } = request;
  const beams = numBeams > 1 ? `${numBeams} beams` : 'greedy';
  return `prompt: ${prompt}; ${beams}; ${maxTokens} tokens at most; pictures squeezed to the model's square`;
}
