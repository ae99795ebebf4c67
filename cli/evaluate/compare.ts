// Two runs beside each other.
import { invalid } from 'node-paligemma/support';
import { bootstrapMeans, bootstrapOf } from './intervals.js';
import type { Answered, Measure } from './measures/measure.js';
import { totalOf } from './score.js';

export interface Comparison {
  count: number;
  a: number;
  b: number;
  /** b - a, with where 95 % of it lie when the answers are drawn again. */
  difference: { value: number; low: number; high: number };
  test: { name: 'McNemar, exact'; onlyA: number; onlyB: number; p: number } | { name: 'paired bootstrap'; p: number };
  /** Answers with different scores, the largest difference first. */
  differing: { a: Answered; b: Answered }[];
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT when no question was asked in both */
export function compare(measure: Measure, a: readonly Answered[], b: readonly Answered[]): Comparison {
  const others = new Map(b.map((answer) => [answer.id, answer]));
  const both = a.flatMap((one) => {
    const other = others.get(one.id);
    return other ? [{ a: one, b: other }] : [];
  });
  if (both.length === 0) throw invalid('the two files have no question in common');
  const [left, right] = [both.map((pair) => pair.a), both.map((pair) => pair.b)];
  const [scoreA, scoreB] = [totalOf(measure, left), totalOf(measure, right)];
  const differences = measure.total
    ? bootstrapOf(left, (draw) => totalOf(measure, draw(right)) - totalOf(measure, draw(left)))
    : bootstrapMeans(both.map(({ a, b }) => ({ ...a, score: b.score - a.score })));
  const at = (share: number) => differences[Math.floor(share * (differences.length - 1))] ?? Number.NaN;
  return {
    ...{ count: both.length, a: scoreA, b: scoreB },
    difference: { value: scoreB - scoreA, low: at(0.025), high: at(0.975) },
    test: measure.kind === 'right' ? mcNemar(both) : pairedBootstrap(differences),
    differing: both
      .filter((pair) => pair.a.score !== pair.b.score)
      .sort((x, y) => Math.abs(y.a.score - y.b.score) - Math.abs(x.a.score - x.b.score)),
  };
}

/** Whether one is right more often where the other is wrong: two-sided, by the binomial distribution. */
function mcNemar(both: { a: Answered; b: Answered }[]): Comparison['test'] {
  const onlyA = both.filter(({ a, b }) => a.score === 1 && b.score !== 1).length;
  const onlyB = both.filter(({ a, b }) => a.score !== 1 && b.score === 1).length;
  return { name: 'McNemar, exact', onlyA, onlyB, p: binomialTest(onlyA, onlyB) };
}

/** How probable it is that of heads and tails one is at least as rare as here. */
export function binomialTest(heads: number, tails: number): number {
  const count = heads + tails;
  const fewer = Math.min(heads, tails);
  // In logarithms: 2 ** -count is 0 from 1075 on.
  let logarithm = -count * Math.LN2;
  let sum = 0;
  for (let i = 0; i <= fewer; i++) {
    sum += Math.exp(logarithm);
    logarithm += Math.log((count - i) / (i + 1));
  }
  return Math.min(1, 2 * sum);
}

/** Twice the share of draws on the rarer side of no difference; never 0, as the draws are finite. */
function pairedBootstrap(differences: readonly number[]): Comparison['test'] {
  const below = differences.filter((value) => value <= 0).length;
  const above = differences.filter((value) => value >= 0).length;
  return { name: 'paired bootstrap', p: Math.min(1, (2 * (Math.min(below, above) + 1)) / (differences.length + 1)) };
}
