import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Argument, type Command, Option } from 'commander';
import type { PaliGemma, Quantization } from 'node-paligemma';
import { QUANTIZATIONS } from 'node-paligemma/support';
import { answering } from '../evaluate/ask.js';
import type { Question } from '../evaluate/benchmark.js';
import { type Evaluation, evaluationOf, questionsOf, type Wanted } from '../evaluate/evaluation.js';
import { settingsOf } from '../evaluate/report/report.js';
import { type TypesReport, typesPage, typesTable } from '../evaluate/report/types-report.js';
import { modelName, originOf, runQuestions } from '../evaluate/run.js';
import { judge, scoresOf } from '../evaluate/score.js';
import type { TypeResult } from '../evaluate/types.js';
import { type CommonOptions, commaList, lacksModel, modelCommand, print, remark, withModel } from './common.js';
import { EvaluateProgress } from './evaluate-progress.js';
import { INTERRUPTED, type Interruption, interruptible } from './interrupt.js';

interface Options extends CommonOptions, Omit<Wanted, 'benchmark'> {
  types: string[];
  outputs?: string;
  resume?: boolean;
  overwrite?: boolean;
  report?: string;
}

/** @param questions adds the options that say what is asked */
export function evaluateTypesCommand(benchmark: Argument, questions: (command: Command) => Command): Command {
  const command = modelCommand('types', 'required: a checkpoint or hub id').description(
    'score several types of a checkpoint on one benchmark, against their size and speed',
  );
  // What is compared is no option of all.
  (command.options as Option[]).splice(
    command.options.findIndex(({ long }) => long === '--quantization'),
    1,
  );
  return questions(command.exitOverride().addArgument(benchmark))
    .addOption(
      new Option('--types <list>', `some of ${QUANTIZATIONS.join(', ')}`)
        .argParser(commaList)
        .default(['f32', 'f16', 'q8_0', 'q4_k_m', 'q4_0'], 'f32,f16,q8_0,q4_k_m,q4_0'),
    )
    .option('--outputs <folder>', 'keep the predictions, a file a type')
    .option('--resume', 'go on with what these files hold, and ask again what failed')
    .option('--overwrite', 'begin anew in their place')
    .option('--report <file.html>', 'write a page to look at')
    .action(start);
}

async function start(name: string, options: Options, command: Command): Promise<void> {
  const odd = options.types.find((type) => !(QUANTIZATIONS as readonly string[]).includes(type));
  if (odd !== undefined) command.error(`error: there is no type ${odd}: ${QUANTIZATIONS.join(', ')}`, { exitCode: 2 });
  if (lacksModel(options)) return;
  const wanted: Wanted = { ...options, benchmark: name };
  const evaluation = evaluationOf(wanted);
  const questions = await questionsOf(evaluation, wanted);
  if (options.outputs !== undefined) await mkdir(options.outputs, { recursive: true });
  const types: TypeResult[] = [];
  await interruptible(async (interrupted) => {
    for (const type of options.types as Quantization[]) {
      if (interrupted.stop.aborted) break;
      remark(`${type}:`);
      let done: TypeResult | undefined;
      await withModel({ ...options, quantization: type, everyDevice: true, featureCache: 0 }, async (model) => {
        done = await resultOf(type, model, { evaluation, questions, interrupted, options });
      });
      if (done) types.push(done);
      else break;
    }
    if (interrupted.stop.aborted) process.exitCode = INTERRUPTED;
  });
  if (types.length === 0) return;
  await tell({ ...about(evaluation), model: options.model ?? '', count: questions.length, types }, options);
}

const about = ({ benchmark, split, measure }: Evaluation) => ({
  ...{ title: benchmark.title, split, measure: measure.title, settings: settingsOf(benchmark) },
});

interface Asked {
  evaluation: Evaluation;
  questions: readonly Question[];
  interrupted: Interruption;
  options: Options;
}

/** Undefined where it was interrupted. */
async function resultOf(type: Quantization, model: PaliGemma, asked: Asked): Promise<TypeResult | undefined> {
  const { evaluation, questions, interrupted, options } = asked;
  const { benchmark, measure } = evaluation;
  const { request } = benchmark;
  const { outputs, resume = false, overwrite = false } = options;
  const progress = new EvaluateProgress(measure, questions.length);
  const origin = originOf(evaluation, modelName(model.info));
  const { answer, tools } = answering(model, request, measure);
  let answered = 0;
  const started = performance.now();
  progress.start();
  try {
    const predictions = await runQuestions({
      ...{ questions, measure, origin, resume, overwrite },
      answer(...given) {
        answered++;
        return answer(...given);
      },
      tools,
      ...{ window: model.concurrency, stop: interrupted.stop, signal: interrupted.end },
      output: outputs === undefined ? undefined : path.join(outputs, `${type}.jsonl`),
      onPrediction: progress.add,
    });
    if (interrupted.stop.aborted) return undefined;
    const questionsPerSecond = answered / ((performance.now() - started) / 1000);
    const { answers } = await judge(measure, predictions);
    const { value, interval, others } = scoresOf(measure, answers);
    const { visionQuantization, memory } = model.info;
    return {
      ...{ type, visionType: visionQuantization, weights: memory.weights },
      ...{ questionsPerSecond, value, interval, others },
    };
  } finally {
    progress.end();
  }
}

async function tell(report: TypesReport, { json, report: file }: Options): Promise<void> {
  if (file !== undefined) {
    await writeFile(file, await typesPage(report));
    remark(`the report is in ${file}`);
  }
  if (json) print(JSON.stringify(report));
  else for (const line of typesTable(report)) print(line);
}
