// The score of what is answered until now, with its interval, at no more than a small share of the time.
import { intervalOf } from './intervals.js';
import type { Answered, Measure } from './measures/measure.js';
import { answeredOf, type Prediction } from './predictions.js';
import { intervalShown, shown } from './report/table.js';
import { settle, totalOf } from './score.js';

export type { Measure, Prediction };

/** The score is computed anew when this many times what it last took have gone by. */
const REST = 20;
const LEAST_MS = 250;

export interface RunningScore {
  readonly count: number;
  add(prediction: Prediction): void;
  /** `VQA accuracy 71.20 (69.10 to 73.20)`; empty before the first answer. */
  text(): string;
}

export function runningScore(measure: Measure): RunningScore {
  const answers: Answered[] = [];
  let [computed, took, known] = [Number.NEGATIVE_INFINITY, 0, ''];
  return {
    get count() {
      return answers.length;
    },
    add: (prediction) => void answers.push(answeredOf(prediction)),
    text() {
      const started = performance.now();
      if (answers.length === 0 || started - computed < Math.max(LEAST_MS, took * REST)) return known;
      const settled = settle(measure, answers);
      const value = totalOf(measure, settled);
      const figure = { value, interval: intervalOf(measure, settled), count: answers.length };
      known = `${measure.title} ${shown(value)} (${intervalShown(figure)})`;
      computed = performance.now();
      took = computed - started;
      return known;
    },
  };
}
