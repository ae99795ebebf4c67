// How sure a score is: 95 % intervals.
import type { Answered, Measure } from './measures/measure.js';
import { random } from './random.js';

/** Of a standard normal distribution: 95 % of it lies within. */
const Z = 1.959964;
const RESAMPLES = 1000;
/** Answers that are drawn for an interval, at most: the resamples are fewer where there are many answers. */
const DRAWN = 2e6;
/** Of means, which are drawn ten times as fast. */
const DRAWN_FOR_MEANS = 2e7;
const LEAST_RESAMPLES = 100;

const resamplesFor = (answers: number, drawn: number): number =>
  Math.max(LEAST_RESAMPLES, Math.min(RESAMPLES, Math.floor(drawn / answers)));

export interface Interval {
  low: number;
  high: number;
  how: 'Wilson' | 'bootstrap';
}

/** Of a share of right answers. */
export function wilson(right: number, count: number): Interval {
  const share = right / count;
  const spread = Z ** 2 / count;
  const middle = share + spread / 2;
  const width = Z * Math.sqrt((share * (1 - share)) / count + spread / (4 * count));
  return {
    low: Math.max(0, (middle - width) / (1 + spread)),
    high: Math.min(1, (middle + width) / (1 + spread)),
    how: 'Wilson',
  };
}

/** The answers at the places that were drawn, of the list that is drawn from or of one beside it. */
export type Draw = (answers: readonly Answered[]) => Answered[];

/**
 * A value over and over, of as many groups as there are (answers, where they are in none), drawn with the same seed each time.
 * @returns the values that are numbers, the lowest first
 */
export function bootstrapOf(answers: readonly Answered[], value: (draw: Draw) => number): number[] {
  const groups = placesOf(answers);
  const next = random(1);
  const resamples = resamplesFor(answers.length, DRAWN);
  const values: number[] = [];
  for (let i = 0; i < resamples; i++) {
    const drawn = groups.map(() => groups[Math.floor(next() * groups.length)] as number[]);
    values.push(value((of) => drawn.flatMap((places, time) => pick(of, places, time))));
  }
  return values.filter((one) => !Number.isNaN(one)).sort((a, b) => a - b);
}

/** As {@link bootstrapOf}, of the mean score. */
export function bootstrapMeans(answers: readonly Answered[]): number[] {
  const groups = placesOf(answers);
  const sums = Float64Array.from(groups, (places) =>
    places.reduce((sum, place) => sum + (answers[place] as Answered).score, 0),
  );
  const counts = Float64Array.from(groups, (places) => places.length);
  const next = random(1);
  const means = Array.from({ length: resamplesFor(answers.length, DRAWN_FOR_MEANS) }, () => {
    let [sum, count] = [0, 0];
    for (let i = 0; i < groups.length; i++) {
      const drawn = Math.floor(next() * groups.length);
      sum += sums[drawn] as number;
      count += counts[drawn] as number;
    }
    return sum / count;
  });
  return means.sort((a, b) => a - b);
}

/** A group that is drawn twice stays two groups. */
function pick(answers: readonly Answered[], places: number[], time: number): Answered[] {
  const group = places.map((place) => answers[place] as Answered);
  return group.length === 1 ? group : group.map((answer) => ({ ...answer, group: String(time) }));
}

function placesOf(answers: readonly Answered[]): number[][] {
  const groups = new Map<string, number[]>();
  for (const [place, { group, id }] of answers.entries()) {
    const key = group ?? `\0${id}`;
    const places = groups.get(key);
    if (places) places.push(place);
    else groups.set(key, [place]);
  }
  return [...groups.values()];
}

function bootstrap({ total }: Measure, answers: readonly Answered[]): Interval {
  const values = total ? bootstrapOf(answers, (draw) => total(draw(answers))) : bootstrapMeans(answers);
  const at = (share: number) => values[Math.floor(share * (values.length - 1))] ?? Number.NaN;
  return { low: at(0.025), high: at(0.975), how: 'bootstrap' };
}

/** Wilson's where each answer is right or wrong and all count the same, else the bootstrap. */
export function intervalOf(measure: Measure, answers: readonly Answered[]): Interval {
  if (measure.kind === 'right' && !measure.total)
    return wilson(answers.filter(({ score }) => score === 1).length, answers.length);
  return bootstrap(measure, answers);
}
