// All measures, a line each. The metrics themselves are in ../metrics.
import { invalid } from 'node-paligemma/support';
import {
  anls,
  cider,
  numeral,
  pairAccuracy,
  popeScores,
  relaxedAccuracy,
  scienceQaAnswer,
  softAccuracy,
  vqaAccuracy,
} from '../metrics/index.js';
import { boxes } from './boxes.js';
import { masks } from './masks.js';
import { type Answered, CATEGORIES_ALIKE, grouped, type Judged, type Measure, mean, text } from './measure.js';

const texts = (targets: unknown): string[] => (Array.isArray(targets) ? targets.map(String) : [String(targets)]);
const right = (is: boolean): Judged => ({ score: is ? 1 : 0 });

export const exact: Measure = {
  name: 'exact',
  title: 'exact answers',
  kind: 'right',
  judge: (prediction, targets) => right(texts(targets).includes(text(prediction))),
};

/** What a metric gives for an answer and what was wanted, from 0 to 1. */
const share = (name: string, title: string, metric: (answer: string, answers: string[]) => number): Measure => ({
  name,
  title,
  kind: 'share',
  judge: (prediction, targets) => ({ score: metric(text(prediction), texts(targets)) }),
});

export const vqa = share('vqa', 'VQA accuracy', vqaAccuracy);
export const soft = share('soft', 'soft accuracy', softAccuracy);
export const distance = share('anls', 'ANLS', anls);

export const relaxed: Measure = {
  name: 'relaxed',
  title: 'relaxed accuracy',
  kind: 'right',
  judge: (prediction, targets) => right(Number(relaxedAccuracy(text(prediction), texts(targets)[0] ?? '')) === 1),
};

export const relaxedByCategory: Measure = { ...relaxed, name: 'relaxed-mean', ...CATEGORIES_ALIKE };

export const letter: Measure = {
  name: 'scienceqa',
  title: 'right letters',
  kind: 'right',
  judge: (prediction, targets) => right(scienceQaAnswer(text(prediction)) === text(targets).toUpperCase()),
};

export const number: Measure = {
  name: 'number',
  title: 'exact numbers',
  kind: 'right',
  judge: (prediction, targets) => right(texts(targets).some((one) => numeral(text(prediction)) === numeral(one))),
};

const yesNoPairs = (answers: readonly Answered[]): [string, string][] =>
  answers.map(({ prediction, targets }) => [text(prediction), text(targets)]);

/** POPE's: the mean of its splits, which are categories here. */
export const yesNo: Measure = {
  name: 'yes-no',
  title: 'accuracy',
  kind: 'right',
  judge: (prediction, targets) => right(text(prediction).toLowerCase() === text(targets).toLowerCase()),
  ...CATEGORIES_ALIKE,
  others(answers) {
    const { valid, precision, recall, f1 } = popeScores(yesNoPairs(answers));
    return { valid, precision, recall, F1: f1 };
  },
};

const pairsOf = (answers: readonly Answered[]): [boolean, boolean][] =>
  [...grouped(answers, ({ group }) => group).values()]
    .filter((pair) => pair.length === 2)
    .map(([a, b]) => [a?.score === 1, b?.score === 1]);

/** A pair counts when both of it are right. An option counts by its letter or its text. */
export const pairs: Measure = {
  name: 'pairs',
  title: 'pair accuracy',
  kind: 'right',
  judge: (prediction, targets) => right(texts(targets).some((one) => same(one, text(prediction)))),
  total: (answers) => pairAccuracy(pairsOf(answers)),
  others: (answers) => ({ 'single answers': mean(answers.map(({ score }) => score)) }),
};

const same = (a: string, b: string): boolean => {
  const [one, other] = [a, b].map((value) => value.trim().replace(/\.$/, '').toLowerCase());
  return one === other;
};

const captionsOf = (answers: readonly Answered[]) =>
  answers.map(({ prediction, targets }) => ({ caption: text(prediction), references: texts(targets) }));

export const captions: Measure = {
  name: 'cider',
  title: 'CIDEr',
  kind: 'together',
  judgeAll(answers) {
    const { each } = cider(captionsOf(answers));
    return each;
  },
};

/** Of several languages: each has document frequencies of its own, and the languages count the same. */
export const captionsByLanguage: Measure = {
  ...captions,
  name: 'cider-mean',
  judgeAll(answers) {
    const scores = new Map<Answered, number>();
    for (const of of grouped(answers, ({ category }) => category).values()) {
      const { each } = cider(captionsOf(of));
      for (const [i, answer] of of.entries()) scores.set(answer, each[i] as number);
    }
    return answers.map((answer) => scores.get(answer) as number);
  },
  ...CATEGORIES_ALIKE,
};

export { boxes, masks };

const MEASURES = [
  ...[exact, vqa, soft, distance, relaxed, relaxedByCategory, letter, number, yesNo, pairs],
  ...[captions, captionsByLanguage, masks, boxes],
];

/** Those that a set of one's own may name. */
export const METRIC_NAMES = MEASURES.filter((one) => one !== pairs && one !== masks).map(({ name }) => name);

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT for a name that none has */
export function measureOf(name: string): Measure {
  const found = MEASURES.find((one) => one.name === name);
  if (!found) throw invalid(`there is no metric ${name}: give one of ${METRIC_NAMES.join(', ')}`);
  return found;
}
