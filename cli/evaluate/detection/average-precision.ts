// Average precision over pictures, as COCO's evaluation computes it.
import type { Matches } from './match.js';

const RECALLS = 101;

/** The best precision that is to be had at recalls from 0 to 1. */
export interface PrecisionCurve {
  name: string;
  precision: readonly number[];
}

/** Precision at each of 101 recalls, 0 to 1, for one threshold of overlap. Undefined where there is nothing to find. */
export function precisions(pictures: readonly Matches[], threshold: number): Float64Array | undefined {
  let wanted = 0;
  const all: { score: number; right: number }[] = [];
  for (const { scores, outcomes, wanted: here } of pictures) {
    wanted += here;
    const of = outcomes[threshold] as Int8Array;
    for (const [i, score] of scores.entries()) {
      const right = of[i] as number;
      if (right >= 0) all.push({ score, right });
    }
  }
  if (wanted === 0) return undefined;
  all.sort((a, b) => b.score - a.score);
  const precision = new Float64Array(all.length);
  const recall = new Float64Array(all.length);
  let hits = 0;
  for (const [i, { right }] of all.entries()) {
    hits += right;
    precision[i] = hits / (i + 1);
    recall[i] = hits / wanted;
  }
  // The best precision that is to be had at this recall or a higher one.
  for (let i = all.length - 2; i >= 0; i--) precision[i] = Math.max(precision[i] as number, precision[i + 1] as number);
  const curve = new Float64Array(RECALLS);
  let at = 0;
  for (let i = 0; i < RECALLS; i++) {
    const wantedRecall = i === RECALLS - 1 ? 1 : i * 0.01;
    while (at < all.length && (recall[at] as number) < wantedRecall) at++;
    if (at === all.length) break;
    curve[i] = precision[at] as number;
  }
  return curve;
}

export const average = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] as number;
  return sum / values.length;
};
