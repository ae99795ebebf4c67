// How answers become a score.

/** An answer beside what it should have been. */
export interface Answered {
  id: string;
  /** A text, or objects. */
  prediction: unknown;
  targets: unknown;
  category?: string;
  group?: string;
  /** Of this answer alone; for a measure of all answers together, its part in that. */
  score: number;
  /** What else was found of it. */
  detail?: Record<string, number>;
  /** How sure the model was, from 0 to 1. */
  confidence?: number;
}

export interface Judged {
  score: number;
  detail?: Record<string, number>;
}

/** What judging may need of a model. */
export interface Tools {
  /** `[n, 64, 64]` values from -1 to 1 for n times sixteen codes. */
  decodeMasks(codes: number[][]): Promise<Float32Array>;
}

export interface Measure {
  /** As `--metric` names it. */
  readonly name: string;
  readonly title: string;
  /** `right`: an answer is right or wrong. `share`: each has a score of its own. `together`: there is one of all answers alone. */
  readonly kind: 'right' | 'share' | 'together';
  /** How an answer alone is judged. */
  judge?(prediction: unknown, targets: unknown, tools: Tools): Judged | Promise<Judged>;
  /** Whether judging needs the model that answered, so that stored scores are taken where there is none. */
  readonly needsModel?: boolean;
  /** Whether it is worth knowing how sure a model is of an answer. */
  readonly byConfidence?: boolean;
  /** Scores that are known only once all answers are: one for each. */
  judgeAll?(answers: readonly Answered[]): number[];
  /** The score of many. Default: the mean of theirs. */
  total?(answers: readonly Answered[]): number;
  /** Whether `total` is the mean over categories. */
  readonly byCategory?: boolean;
  /** Further figures, by name. */
  others?(answers: readonly Answered[]): Record<string, number>;
}

/** An answer that is no text is none. */
export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Scores are shown times this. */
export const SCALE = 100;

export const mean = (values: readonly number[]): number =>
  values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length;

export const meanScore = (answers: readonly Answered[]): number => mean(answers.map(({ score }) => score));

/** Answers by a key, in the order in which keys come. */
export function grouped(
  answers: readonly Answered[],
  keyOf: (answer: Answered) => string | undefined,
): Map<string, Answered[]> {
  const groups = new Map<string, Answered[]>();
  for (const answer of answers) {
    const key = keyOf(answer) ?? '';
    const group = groups.get(key);
    if (group) group.push(answer);
    else groups.set(key, [answer]);
  }
  return groups;
}

/** The mean over categories, each counting the same. */
const meanOfCategories = (answers: readonly Answered[]): number =>
  mean([...grouped(answers, ({ category }) => category).values()].map(meanScore));

/** A total in which each category counts the same. */
export const CATEGORIES_ALIKE = { byCategory: true, total: meanOfCategories } as const;
