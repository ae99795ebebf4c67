// From answers to a score with all that belongs to it.
import { invalid } from 'node-paligemma/support';
import type { Question } from './benchmark.js';
import { type Interval, intervalOf } from './intervals.js';
import { type Answered, grouped, type Measure, meanScore, type Tools } from './measures/measure.js';
import { answeredOf, type Prediction } from './predictions.js';

/** A score of some answers, from 0 to 1 (CIDEr: to 10). */
export interface Figure {
  value: number;
  interval: Interval;
  count: number;
}

export interface Scores extends Figure {
  others: Record<string, number>;
  /** By category, where there are several. */
  categories: Record<string, Figure>;
}

/** The part of a score that can be had of a model's answers alone. */
export const totalOf = (measure: Measure, answers: readonly Answered[]): number =>
  answers.length === 0 ? Number.NaN : (measure.total ?? meanScore)(answers);

const figureOf = (measure: Measure, answers: readonly Answered[]): Figure => ({
  value: totalOf(measure, answers),
  interval: intervalOf(measure, answers),
  count: answers.length,
});

/** Within a category a mean over categories is the mean of its answers. */
const within = (measure: Measure): Measure =>
  measure.total && measure.byCategory ? { ...measure, total: undefined } : measure;

export function scoresOf(measure: Measure, answers: readonly Answered[]): Scores {
  const byCategory = grouped(answers, ({ category }) => category);
  const several = byCategory.size > 1;
  return {
    ...figureOf(measure, answers),
    others: measure.others?.(answers) ?? {},
    categories: Object.fromEntries(
      several ? [...byCategory].map(([name, of]) => [name || 'others', figureOf(within(measure), of)]) : [],
    ),
  };
}

/** Gives each answer its score, those too that are known only once all answers are. */
export function settle(measure: Measure, answers: Answered[]): Answered[] {
  if (!measure.judgeAll || answers.length === 0) return answers;
  const scores = measure.judgeAll(answers);
  return answers.map((answer, i) => ({ ...answer, score: scores[i] as number }));
}

/** Where no model is loaded here. */
export const NO_MODEL: Tools = {
  decodeMasks() {
    throw invalid('masks are decoded by the model that answered: the score is in its own predictions alone');
  },
};

/**
 * Answers of a file with their scores, judged again.
 * @param questions what was asked, for predictions that do not say it themselves. Answers to other questions are left out
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT for answers without targets
 */
export async function judge(
  measure: Measure,
  predictions: readonly Prediction[],
  questions?: readonly Question[],
): Promise<{ predictions: Prediction[]; answers: Answered[] }> {
  const asked = questions && new Map(questions.map((question) => [question.id, question]));
  const kept: Prediction[] = [];
  for (const given of predictions) {
    const question = asked?.get(given.id);
    if (asked && !question) continue;
    const prediction = { ...given, ...question };
    if (prediction.targets === undefined)
      throw invalid(`the prediction ${given.id} has no targets: give the benchmark's data with --data`);
    kept.push({ ...prediction, ...(await judgedAgain(measure, prediction)) });
  }
  const answers = settle(measure, kept.map(answeredOf));
  return { predictions: kept.map((one, i) => ({ ...one, score: answers[i]?.score })), answers };
}

async function judgedAgain(measure: Measure, { prediction, targets, error, score, detail }: Prediction) {
  if (error || !measure.judge) return { score: 0 };
  if (measure.needsModel && score !== undefined) return { score, detail };
  return measure.judge(prediction, targets, NO_MODEL);
}
