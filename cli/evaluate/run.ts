// Asks a benchmark's questions, as a batch whose output is predictions.
import fs from 'node:fs';
import type { BatchItem, BatchResult, ModelInfo } from 'node-paligemma';
import { invalid, type Outcome } from 'node-paligemma/support';
import { type Job, runJob } from '../batch/job.js';
import { openOutput } from '../batch/outputs/open.js';
import type { BatchOutput } from '../batch/outputs/output.js';
import type { Question } from './benchmark.js';
import type { Evaluation } from './evaluation.js';
import { Pictures } from './layout/pictures.js';
import type { Measure, Tools } from './measures/measure.js';
import { type Prediction, readPredictions } from './predictions.js';

/** A model in words, as its predictions name it. */
export const modelName = ({ name, imageSize, quantization, visionQuantization }: ModelInfo): string =>
  `${name}, ${imageSize} px, ${quantization} / ${visionQuantization}`;

/** What all predictions of a run have in common, and which are not mixed. */
interface Origin {
  benchmark: string;
  split: string;
  /** Of a set of one's own. */
  metric?: string;
  model: string;
}

/** @param model in words */
export const originOf = ({ benchmark, split, metric }: Evaluation, model: string): Origin => ({
  ...{ benchmark: benchmark.name, split, model, ...(metric !== undefined && { metric }) },
});

export interface Run extends Pick<Job, 'window' | 'stop' | 'signal'> {
  answer(item: BatchItem, index: number, signal: AbortSignal): Promise<Outcome & { confidence?: number }>;
  questions: readonly Question[];
  measure: Measure;
  origin: Origin;
  tools: Tools;
  /** File of predictions. Without one they are kept in memory. */
  output?: string;
  resume: boolean;
  overwrite: boolean;
  /** Of each prediction, those from before first. */
  onPrediction(prediction: Prediction, fromBefore: boolean): void;
}

/**
 * Answers what has no answer yet.
 * @returns all predictions on these questions, those from before too
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT when the output holds something else; what a job throws
 */
export async function runQuestions({ questions, ...run }: Run): Promise<Prediction[]> {
  const before = run.output !== undefined && run.resume ? await earlier(run.output, questions, run.origin) : [];
  for (const prediction of before) run.onPrediction(prediction, true);
  const done = new Map(before.map((prediction) => [prediction.id, prediction]));
  const output = await Predictions.open(run, done);
  const pictures = new Pictures();
  try {
    await runJob({
      async answer(item, index, signal) {
        const image = await pictures.of(String(item.image));
        const { confidence, ...outcome } = await run.answer({ ...item, image }, index, signal);
        output.knows(String(item.id), confidence);
        return outcome as Outcome;
      },
      ...{ window: run.window, ordered: false, output, stop: run.stop, signal: run.signal },
      entries: entriesOf(questions, run.origin),
      maxErrors: Number.POSITIVE_INFINITY,
      onSkipped() {},
      onDone() {},
    });
  } finally {
    await output.close();
  }
  return questions.flatMap(({ id }) => done.get(id) ?? []);
}

/**
 * What an interrupted run left. Predictions of other questions stay in the file and do not count. What failed is asked again:
 * a score should be of the model, not of a picture that was away.
 */
async function earlier(file: string, questions: readonly Question[], origin: Origin): Promise<Prediction[]> {
  if (!fs.existsSync(file)) return [];
  const asked = new Set(questions.map(({ id }) => id));
  const predictions = await readPredictions(file, { tornEnd: true });
  for (const prediction of predictions)
    for (const name of ['benchmark', 'split', 'metric', 'model'] as const)
      if (prediction[name] !== origin[name])
        throw invalid(
          `${file} has predictions of ${name} ${prediction[name]}, not ${origin[name]}: give another --output, or begin anew with --overwrite`,
        );
  return predictions.filter(({ id, error }) => asked.has(id) && !error);
}

/** Questions as items of a batch; what belongs to a question travels with it. */
async function* entriesOf(questions: readonly Question[], origin: Origin): AsyncGenerator<BatchItem> {
  for (const question of questions) yield { ...question, ...(question.labels && { task: 'detect' }), ...origin };
}

/** Judges each answer and keeps it. */
class Predictions implements BatchOutput {
  readonly #run: Omit<Run, 'questions'>;
  readonly #done: Map<string, Prediction>;
  readonly #file: BatchOutput | undefined;
  /** Of answers that are not written yet. */
  readonly #confidences = new Map<string, number>();

  private constructor(run: Omit<Run, 'questions'>, done: Map<string, Prediction>, file: BatchOutput | undefined) {
    this.#run = run;
    this.#done = done;
    this.#file = file;
  }

  static async open(run: Omit<Run, 'questions'>, done: Map<string, Prediction>): Promise<Predictions> {
    const { output, resume, overwrite } = run;
    return new Predictions(
      run,
      done,
      output === undefined ? undefined : await openOutput(output, { resume, overwrite }),
    );
  }

  has(entry: { id?: string }): boolean {
    return entry.id !== undefined && this.#done.has(entry.id);
  }

  /** How sure an answer is, which its result does not say. */
  knows(id: string, confidence: number | undefined): void {
    if (confidence !== undefined) this.#confidences.set(id, confidence);
  }

  async write(result: BatchResult): Promise<void> {
    const prediction = await this.#judged(result);
    await this.#file?.write(prediction as unknown as BatchResult);
    this.#done.set(prediction.id, prediction);
    this.#run.onPrediction(prediction, false);
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }

  async #judged(result: BatchResult): Promise<Prediction> {
    const { measure, tools } = this.#run;
    const { id, text, objects, choice: _, timings, ...known } = result;
    const line = { id, ...(known as object), milliseconds: timings && Math.round(timings.total) };
    if (result.error) return { ...line, score: measure.judge && 0 } as Prediction;
    const prediction = objects ?? text ?? '';
    const confidence = this.#confidences.get(id);
    this.#confidences.delete(id);
    const judged = await measure.judge?.(prediction, result.targets, tools);
    return { ...line, prediction, ...judged, ...(confidence !== undefined && { confidence }) } as Prediction;
  }
}
