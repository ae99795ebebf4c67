// An evaluation as one asks for it, made ready: which benchmark, which questions, how answers are judged.
import { invalid } from 'node-paligemma/support';
import type { Benchmark, Question } from './benchmark.js';
import { benchmarkOf } from './benchmarks/index.js';
import { DataFolder, needs } from './layout/data-folder.js';
import { hubFiles, hubQuestions } from './layout/hub.js';
import { measureOf } from './measures/index.js';
import type { Measure } from './measures/measure.js';
import { type Prediction, readPredictions } from './predictions.js';
import { type Selection, select } from './select.js';

export interface Wanted extends Selection {
  benchmark: string;
  data?: string;
  split?: string;
  /** Of a set of one's own. */
  metric?: string;
}

export interface Evaluation {
  benchmark: Benchmark;
  split: string;
  metric?: string;
  measure: Measure;
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT for a benchmark, a split or a metric that there is not */
export function evaluationOf({ benchmark: name, split, metric }: Wanted): Evaluation {
  const benchmark = benchmarkOf(name);
  const [first = ''] = benchmark.splits;
  if (split !== undefined && !benchmark.splits.includes(split))
    throw invalid(`${name} has no split ${split}: give one of ${benchmark.splits.join(', ')}`);
  if (metric !== undefined && name !== 'custom')
    throw invalid(`${name} has its own metric: --metric is for the benchmark custom`);
  const chosen = split ?? first;
  const { measure } = benchmark;
  const own = typeof measure === 'function' ? measure(chosen) : measure;
  return { benchmark, split: chosen, metric, measure: metric === undefined ? own : measureOf(metric) };
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT when the data lack something, saying where it is to be had */
export async function questionsOf({ benchmark, split }: Evaluation, wanted: Wanted): Promise<Question[]> {
  const { data, limit, sample } = wanted;
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0))
    throw invalid(`limit must be a whole number from 1 on, not ${limit}`);
  if (sample !== undefined && !(Number.isInteger(sample) && sample >= 0))
    throw invalid(`sample must be a whole number from 0 on, the seed of the draw, not ${sample}`);
  if (sample !== undefined && limit === undefined) throw invalid('give limit too: how many questions are drawn');
  if (benchmark.sources.length > 0 && data === undefined)
    throw invalid(`give the folder of ${benchmark.title} with --data. It needs: ${needs(benchmark)}`);
  return select(allOf(benchmark, data ?? '.', split), { limit, sample });
}

/** As the hub has them where these files are, else in the owner's layout. */
function allOf(benchmark: Benchmark, root: string, split: string): ReturnType<Benchmark['questions']> {
  const { hub } = benchmark;
  const found = hub ? hubFiles(root, hub, split) : [];
  return hub && found.length > 0
    ? hubQuestions(hub, { root, found, split })
    : benchmark.questions(new DataFolder(root, benchmark), split);
}

/** Predictions of a file, with the evaluation that they say they are of. */
export async function predictionsIn(
  file: string,
  wanted: Partial<Wanted> = {},
): Promise<{ predictions: Prediction[]; evaluation: Evaluation }> {
  const predictions = await readPredictions(file);
  const [first] = predictions;
  if (!first) throw invalid(`${file} holds no predictions`);
  const benchmark = wanted.benchmark ?? first.benchmark;
  if (benchmark === undefined) throw invalid(`${file} does not say of which benchmark it is`);
  if (first.benchmark !== undefined && first.benchmark !== benchmark)
    throw invalid(`${file} has predictions of ${first.benchmark}, not of ${benchmark}`);
  const said = { split: first.split, metric: first.metric };
  return { predictions, evaluation: evaluationOf({ ...said, ...defined(wanted), benchmark }) };
}

const defined = (wanted: object): object =>
  Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
