// Answers in a file, one a line, so that they can be scored again without a model.
import fs from 'node:fs';
import { invalid, parseJson } from 'node-paligemma/support';
import { lines } from '../batch/lines.js';
import type { Question } from './benchmark.js';
import type { Answered } from './measures/measure.js';

/** A line. Answers from elsewhere need `id` and `prediction` alone; the rest then comes from the data. */
export interface Prediction extends Partial<Question> {
  id: string;
  index?: number;
  benchmark?: string;
  split?: string;
  /** Name of the metric, of a set of one's own. */
  metric?: string;
  /** Which model answered, in words. */
  model?: string;
  prediction?: unknown;
  score?: number;
  detail?: Record<string, number>;
  confidence?: number;
  error?: { code: string; message: string };
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT for a file that is not there or holds something else, or two answers to one question */
export async function readPredictions(file: string, { tornEnd = false } = {}): Promise<Prediction[]> {
  if (!fs.existsSync(file)) throw invalid(`there are no predictions at ${file}`);
  const predictions = new Map<string, Prediction>();
  let number = 0;
  for await (const { text, whole } of lines(fs.createReadStream(file))) {
    number++;
    if (text.trim() === '' || (tornEnd && !whole)) continue;
    const prediction = parsePrediction(text);
    if (!prediction)
      throw invalid(`${file}, line ${number}, is no prediction: it needs JSON with "id" and "prediction"`);
    const before = predictions.get(prediction.id);
    // What failed may have been asked again.
    if (before && !before.error) throw invalid(`${file} has two predictions with the id ${prediction.id}`);
    predictions.set(prediction.id, prediction);
  }
  return [...predictions.values()].sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
}

function parsePrediction(text: string): Prediction | undefined {
  try {
    const value = parseJson(text) as Prediction;
    const { id } = value as { id: unknown };
    if (typeof id !== 'string' && typeof id !== 'number') return undefined;
    return value.prediction === undefined && !value.error ? undefined : { ...value, id: String(id) };
  } catch {
    return undefined;
  }
}

/** What is scored. A question that failed has no answer, which is wrong. */
export const answeredOf = ({
  id,
  prediction,
  targets,
  category,
  group,
  score,
  detail,
  ...known
}: Prediction): Answered => ({
  ...{ id, prediction: prediction ?? '', targets, category, group },
  score: score ?? 0,
  ...{ detail, confidence: known.confidence },
});
