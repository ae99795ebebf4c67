// COCO's mean average precision of found boxes.
import { average, type PrecisionCurve, precisions } from '../detection/average-precision.js';
import { type FoundBox, type Matches, match, OVERLAPS, type SizeName, type TrueBox } from '../detection/match.js';
import type { Answered, Measure } from './measure.js';

const truthOf = ({ targets }: Answered): TrueBox[] => (targets ?? []) as TrueBox[];

interface Found {
  label: string;
  score: number;
  box: { xmin: number; ymin: number; xmax: number; ymax: number };
}

const foundIn = ({ prediction }: Answered): FoundBox[] =>
  (Array.isArray(prediction) ? (prediction as Found[]) : []).map(({ label, score, box }) => ({
    ...{ label, score },
    box: [box.xmin, box.ymin, box.xmax - box.xmin, box.ymax - box.ymin],
  }));

/** Kept, since resampling asks for the same pictures again and again. */
const known = new WeakMap<Answered, Map<SizeName, Map<string, Matches>>>();

function matchesOf(answer: Answered, size: SizeName): Map<string, Matches> {
  const sizes = known.get(answer) ?? new Map<SizeName, Map<string, Matches>>();
  known.set(answer, sizes);
  const before = sizes.get(size);
  if (before) return before;
  const [truth, found] = [truthOf(answer), foundIn(answer)];
  const labels = new Set([...truth, ...found].map(({ label }) => label));
  const matches = new Map<string, Matches>();
  for (const label of labels) {
    const of = <T extends { label: string }>(all: T[]) => all.filter((one) => one.label === label);
    matches.set(label, match(of(truth), of(found), size));
  }
  sizes.set(size, matches);
  return matches;
}

/** Precision by recall of each label that there is to find. */
function curves(answers: readonly Answered[], threshold: number, size: SizeName): Float64Array[] {
  const byLabel = new Map<string, Matches[]>();
  for (const answer of answers)
    for (const [label, matches] of matchesOf(answer, size)) {
      const pictures = byLabel.get(label);
      if (pictures) pictures.push(matches);
      else byLabel.set(label, [matches]);
    }
  return [...byLabel.values()].flatMap((pictures) => precisions(pictures, threshold) ?? []);
}

const meanPrecision = (answers: readonly Answered[], thresholds: number[], size: SizeName): number => {
  const all = thresholds.flatMap((threshold) => curves(answers, threshold, size).map(average));
  return all.length === 0 ? Number.NaN : average(all);
};

const EVERY = OVERLAPS.map((_, i) => i);

/** Precision by recall at an overlap of 0.5 and of 0.75, the mean over labels: what a chart shows. */
export function precisionByRecall(answers: readonly Answered[]): PrecisionCurve[] {
  return [0, 5].map((threshold) => {
    const all = curves(answers, threshold, 'all');
    const precision = Array.from({ length: 101 }, (_, i) => average(all.map((curve) => curve[i] as number)));
    return { name: `overlap of ${threshold === 0 ? 0.5 : 0.75} or more`, precision };
  });
}

export const boxes: Measure = {
  name: 'map',
  title: 'mAP',
  kind: 'together',
  judgeAll: (answers) => answers.map((answer) => meanPrecision([answer], EVERY, 'all') || 0),
  total: (answers) => meanPrecision(answers, EVERY, 'all'),
  others: (answers) => ({
    'AP at 0.5': meanPrecision(answers, [0], 'all'),
    'AP at 0.75': meanPrecision(answers, [5], 'all'),
    small: meanPrecision(answers, EVERY, 'small'),
    medium: meanPrecision(answers, EVERY, 'medium'),
    large: meanPrecision(answers, EVERY, 'large'),
  }),
};
