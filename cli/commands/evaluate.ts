import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import type { BatchRequest, LoadedModelInfo } from 'node-paligemma';
import sharp from 'sharp';
import { benchmarks } from '../evaluate/benchmarks/index.js';
import { type Evaluation, evaluationOf, predictionsIn, questionsOf, type Wanted } from '../evaluate/evaluation.js';
import { METRIC_NAMES } from '../evaluate/measures/index.js';
import type { Prediction } from '../evaluate/predictions.js';
import { reportOf, settingsOf } from '../evaluate/report/report.js';
import { tableOf } from '../evaluate/report/table.js';
import { modelName, type Origin, runQuestions } from '../evaluate/run.js';
import { judge, scoresOf } from '../evaluate/score.js';
import { type CommonOptions, lacksModel, modelCommand, numeric, print, remark, withModel } from './common.js';
import { evaluateCompareCommand } from './evaluate-compare.js';
import { EvaluateProgress } from './evaluate-progress.js';
import { evaluateTypesCommand } from './evaluate-types.js';
import { FINISHING, INTERRUPTED, interruptible } from './interrupt.js';

interface Options extends CommonOptions, Omit<Wanted, 'benchmark'> {
  output?: string;
  resume?: boolean;
  overwrite?: boolean;
  predictions?: string;
  report?: string;
}

const NAMES = benchmarks.map(({ name }) => name);

export function evaluateCommand(): Command {
  const command = modelCommand('evaluate', 'required without --predictions')
    .description(
      "score a model on a benchmark, beside the scores that were published; custom: on questions of one's own",
    )
    .argument('<benchmark>', NAMES.join(', '));
  return questionOptions(command)
    .option('--output <file.jsonl>', 'keep the predictions, one a line')
    .option('--resume', 'go on with what the output holds')
    .option('--overwrite', 'begin anew in place of what the output holds')
    .option('--predictions <file.jsonl>', 'score these, without a model')
    .option('--report <file.html>', 'write a page to look at')
    .addCommand(evaluateCompareCommand())
    .addCommand(evaluateTypesCommand(questionOptions))
    .action(start);
}

/** What says which questions are asked. */
const questionOptions = (command: Command): Command =>
  command
    .option(
      '--data <path>',
      "folder with the benchmark's files as their owner gives them out; of custom, a .jsonl file",
    )
    .option('--split <name>', 'part of the benchmark (default: the one that is published, where it has answers)')
    .addOption(
      new Option('--metric <name>', 'of custom: how answers are scored (default: exact)').choices(METRIC_NAMES),
    )
    .option('--limit <n>', 'ask so many questions only, the first ones', numeric)
    .option('--sample <seed>', 'with --limit: draw them, the same for the same seed', numeric);

async function start(name: string, options: Options, command: Command): Promise<void> {
  if (!NAMES.includes(name))
    command.error(`error: there is no benchmark ${name}: ${NAMES.join(', ')}`, { exitCode: 2 });
  const wanted: Wanted = { ...options, benchmark: name };
  if (options.predictions !== undefined) return scoreAgain(options.predictions, wanted, options);
  if (lacksModel(options)) return;
  const evaluation = evaluationOf(wanted);
  const questions = await questionsOf(evaluation, wanted);
  sharp.cache(false);
  remark(`${evaluation.benchmark.title}, ${evaluation.split}: ${questions.length} questions`);
  remark(settingsOf(evaluation.benchmark));
  await withModel({ ...options, everyDevice: true }, (model) =>
    interruptible(async ({ stop, end }) => {
      const progress = new EvaluateProgress(evaluation.measure, questions.length);
      stop.addEventListener('abort', () => progress.say(FINISHING), { once: true });
      const { request } = evaluation.benchmark;
      progress.start();
      let predictions: Prediction[];
      try {
        predictions = await runQuestions({
          ...{ questions, measure: evaluation.measure, origin: originOf(evaluation, model.info), request },
          answer: (item, _, signal) => model.ask(item, request as BatchRequest, signal),
          ...{ window: model.concurrency, stop, signal: end },
          tools: { decodeMasks: (codes) => model.decodeMasks(codes) },
          ...{ output: options.output, resume: options.resume ?? false, overwrite: options.overwrite ?? false },
          onPrediction: progress.add,
        });
      } catch (error) {
        if (end.aborted) return;
        throw error;
      } finally {
        progress.end();
      }
      if (stop.aborted) {
        remark(`interrupted${options.output === undefined ? '' : '; go on with the same command and --resume'}`);
        process.exitCode = INTERRUPTED;
      } else await tell(evaluation, predictions, options);
    }),
  );
}

const originOf = ({ benchmark, split, metric }: Evaluation, info: LoadedModelInfo): Origin => ({
  ...{ benchmark: benchmark.name, split, model: modelName(info) },
  ...(metric !== undefined && { metric }),
});

async function scoreAgain(file: string, wanted: Wanted, options: Options): Promise<void> {
  const { predictions, evaluation } = await predictionsIn(file, wanted);
  const questions = wanted.data === undefined ? undefined : await questionsOf(evaluation, wanted);
  const judged = await judge(evaluation.measure, predictions, questions);
  const missing = (questions?.length ?? 0) - judged.predictions.length;
  if (missing > 0) remark(`${missing} questions have no prediction and do not count`);
  await tell(evaluation, judged.predictions, options);
}

/** Says what came of it: on standard output a table or one JSON value. */
async function tell(evaluation: Evaluation, given: Prediction[], { json, report: file }: Options): Promise<void> {
  const { predictions, answers } = await judge(evaluation.measure, given);
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
