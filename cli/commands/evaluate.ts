import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Argument, type Command, Option } from 'commander';
import { invalid } from 'node-paligemma/support';
import sharp from 'sharp';
import { answering } from '../evaluate/ask.js';
import type { Question } from '../evaluate/benchmark.js';
import { benchmarks } from '../evaluate/benchmarks/index.js';
import { type Evaluation, evaluationOf, predictionsIn, questionsOf, type Wanted } from '../evaluate/evaluation.js';
import { isCell } from '../evaluate/layout/pictures.js';
import { METRIC_NAMES } from '../evaluate/measures/index.js';
import type { Prediction } from '../evaluate/predictions.js';
import { reportOf, settingsOf } from '../evaluate/report/report.js';
import { tableOf } from '../evaluate/report/table.js';
import { modelName, originOf, type Run, runQuestions } from '../evaluate/run.js';
import { judge, NO_MODEL, scoresOf } from '../evaluate/score.js';
import { Collector, FLEET_WINDOW, FLEET_WINDOW_IN_MEMORY } from '../fleet/collector.js';
import { queueOption, redisUrl } from './batch-options.js';
import { type CommonOptions, lacksModel, modelCommand, numeric, print, remark, withModel } from './common.js';
import { evaluateCompareCommand } from './evaluate-compare.js';
import { EvaluateProgress } from './evaluate-progress.js';
import { evaluateTypesCommand } from './evaluate-types.js';
import { FINISHING, INTERRUPTED, type Interruption, interruptible } from './interrupt.js';

interface Options extends CommonOptions, Omit<Wanted, 'benchmark'> {
  output?: string;
  resume?: boolean;
  overwrite?: boolean;
  predictions?: string;
  report?: string;
  redis?: string | true;
  queue: string;
  inline?: boolean;
}

export function evaluateCommand(): Command {
  const command = modelCommand('evaluate', 'required without --predictions or --redis')
    .description(
      "score a model on a benchmark, beside the scores that were published; custom: on questions of one's own",
    )
    .addArgument(benchmarkArgument());
  return queueOption(questionOptions(command))
    .option('--output <file.jsonl>', 'keep the predictions, one a line')
    .option('--resume', 'go on with what the output holds, and ask again what failed')
    .option('--overwrite', 'begin anew in place of what the output holds')
    .option('--predictions <file.jsonl>', 'score these, without a model')
    .option('--report <file.html>', 'write a page to look at')
    .option('--redis [url]', 'have workers answer (paligemma worker); default: REDIS_URL, or redis://127.0.0.1:6379')
    .option('--inline', 'with --redis: send the pictures along, for workers that do not share them')
    .addCommand(evaluateCompareCommand())
    .addCommand(evaluateTypesCommand(benchmarkArgument(), questionOptions))
    .action(start);
}

const benchmarkArgument = () =>
  new Argument('<benchmark>', 'which questions').choices(benchmarks.map(({ name }) => name));

/** What says which questions are asked. */
const questionOptions = (command: Command): Command =>
  command
    .option(
      '--data <path>',
      "folder with the benchmark's files as their owner, or the hub, gives them out; of custom, a .jsonl file",
    )
    .option('--split <name>', 'part of the benchmark (default: the one that is published, where it has answers)')
    .addOption(
      new Option('--metric <name>', 'of custom: how answers are scored (default: exact)').choices(METRIC_NAMES),
    )
    .option('--limit <n>', 'ask so many questions only, the first ones', numeric)
    .option('--sample <seed>', 'with --limit: draw them, the same for the same seed', numeric);

async function start(name: string, options: Options): Promise<void> {
  const wanted: Wanted = { ...options, benchmark: name };
  if (options.predictions !== undefined) return scoreAgain(options.predictions, wanted, options);
  if (options.redis === undefined && lacksModel(options)) return;
  const evaluation = evaluationOf(wanted);
  if (options.redis !== undefined) checkFleet(evaluation, options);
  const questions = await questionsOf(evaluation, wanted);
  sharp.cache(false);
  remark(`${evaluation.benchmark.title}, ${evaluation.split}: ${questions.length} questions`);
  remark(settingsOf(evaluation.benchmark));
  const asked: Asked = { evaluation, questions, options };
  if (options.redis === undefined) await withOwnModel(asked);
  else await withFleet(redisUrl(options.redis), asked);
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT */
function checkFleet({ measure }: Evaluation, { model }: Options): void {
  if (model !== undefined) throw invalid('with --redis the model is the matter of the workers: give it to them');
  if (measure.needsModel) throw invalid('masks are decoded by a model of this command: leave out --redis');
}

interface Asked {
  evaluation: Evaluation;
  questions: readonly Question[];
  options: Options;
}

const withOwnModel = (asked: Asked): Promise<void> =>
  withModel({ ...asked.options, everyDevice: true }, (model) =>
    interruptible((interrupted) => {
      const { benchmark, measure } = asked.evaluation;
      const answers = answering(model, benchmark.request, measure);
      return run(asked, { ...answers, interrupted, window: model.concurrency, model: modelName(model.info) });
    }),
  );

const withFleet = (url: string, asked: Asked): Promise<void> =>
  interruptible(async (interrupted) => {
    const { options, evaluation } = asked;
    const { queue, resume = false, inline = false, output = `evaluate-${randomUUID()}` } = options;
    const { request } = evaluation.benchmark;
    const collector = await Collector.open(url, { queue, request, output, resume, inline, onTrouble: remark });
    try {
      if ((await collector.workers()) === 0) remark('no worker is there yet: paligemma worker --redis ...');
      const answer: Run['answer'] = (item, index, signal) => collector.answer(item, index, signal);
      interrupted.stop.addEventListener('abort', () => void collector.withdraw(), { once: true });
      const window = asked.questions.some(({ image }) => isCell(image)) ? FLEET_WINDOW_IN_MEMORY : FLEET_WINDOW;
      await run(asked, { answer, tools: NO_MODEL, interrupted, window, model: `queue ${queue}` });
    } finally {
      await collector.close();
    }
  });

interface Answering extends Pick<Run, 'answer' | 'tools' | 'window'> {
  interrupted: Interruption;
  model: string;
}

async function run({ evaluation, questions, options }: Asked, from: Answering): Promise<void> {
  const { measure } = evaluation;
  const { output, resume = false, overwrite = false } = options;
  const { interrupted, model, ...answered } = from;
  const { stop, end } = interrupted;
  const progress = new EvaluateProgress(measure, questions.length);
  stop.addEventListener('abort', () => progress.say(FINISHING), { once: true });
  progress.start();
  let predictions: Prediction[];
  try {
    predictions = await runQuestions({
      ...{ questions, measure, ...answered, stop, signal: end, output, resume, overwrite },
      origin: originOf(evaluation, model),
      onPrediction: progress.add,
    });
  } catch (error) {
    if (end.aborted) return;
    throw error;
  } finally {
    progress.end();
  }
  if (stop.aborted) {
    remark(`interrupted${output === undefined ? '' : '; go on with the same command and --resume'}`);
    process.exitCode = INTERRUPTED;
  } else await tell(evaluation, await judge(measure, predictions), options);
}

async function scoreAgain(file: string, wanted: Wanted, options: Options): Promise<void> {
  const { predictions, evaluation } = await predictionsIn(file, wanted);
  const questions = wanted.data === undefined ? undefined : await questionsOf(evaluation, wanted);
  const judged = await judge(evaluation.measure, predictions, questions);
  const missing = (questions?.length ?? 0) - judged.predictions.length;
  if (missing > 0) remark(`${missing} questions have no prediction and do not count`);
  await tell(evaluation, judged, options);
}

type Judged = Awaited<ReturnType<typeof judge>>;

/** Says what came of it: on standard output a table or one JSON value. */
async function tell(evaluation: Evaluation, judged: Judged, { json, report: file }: Options): Promise<void> {
  const { predictions, answers } = judged;
  const report = reportOf({ ...evaluation, predictions, scores: scoresOf(evaluation.measure, answers) });
  if (file !== undefined) {
    const { htmlOf } = await import('../evaluate/report/html.js'); // charts are large
    await writeFile(file, await htmlOf(report, evaluation.measure, predictions, answers));
    remark(`the report is in ${file}`);
  }
  if (json) print(JSON.stringify(report));
  else for (const line of tableOf(report)) print(line);
  if (report.failed > 0) process.exitCode = 1;
}
