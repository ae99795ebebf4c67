// One benchmark over several types of a checkpoint.
import type { Interval } from './intervals.js';

export interface TypeResult {
  type: string;
  visionType: string;
  /** Bytes of the weights. */
  weights: number;
  /** Over all questions, with as many at a time as the model takes. */
  questionsPerSecond: number;
  value: number;
  interval: Interval;
  others: Record<string, number>;
}
