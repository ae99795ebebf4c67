import { type Command, Option } from 'commander';
import type { BatchItem, BatchRequest, TaskName } from 'node-paligemma';
import { allOptions, checkRequest, invalid, sampling, TASK_NAMES, taskOf, type Unusable } from 'node-paligemma/support';
import sharp from 'sharp';
import { type Job, runJob } from '../batch/job.js';
import { OUTPUTS, openOutput } from '../batch/outputs/open.js';
import { checkSource, mayAsk, openSource, type SourceOptions } from '../batch/sources/open.js';
import { isTar } from '../batch/sources/tar.js';
import { Collector, FLEET_WINDOW, FLEET_WINDOW_IN_MEMORY } from '../fleet/collector.js';
import { type LogOptions, logOptions, openLog, queueOption, redisUrl } from './batch-options.js';
import { BatchProgress } from './batch-progress.js';
import {
  type CommonOptions,
  commaList,
  lacksModel,
  modelCommand,
  numeric,
  print,
  remark,
  withModel,
} from './common.js';
import { FINISHING, INTERRUPTED, type Interruption, interruptible } from './interrupt.js';
import { publishMetrics } from './metrics.js';
import { addOptions, givenOptions } from './task-options.js';

interface Options extends CommonOptions, LogOptions {
  task?: TaskName;
  request: BatchRequest;
  output: string;
  ordered?: boolean;
  resume?: boolean;
  overwrite?: boolean;
  csvSafe?: boolean;
  maxErrors?: number;
  redis?: string | true;
  queue: string;
  inline?: boolean;
}

export function batchCommand(): Command {
  const command = modelCommand('batch', 'required without --redis')
    .description(
      'ask the same of many images: folders, globs, lists (.txt, .jsonl, - for standard input), WebDataset tars',
    )
    .argument('<input...>', 'where the images are')
    .requiredOption('--output <target>', OUTPUTS)
    .addOption(new Option('--task <name>', 'what to ask (default: caption)').choices(TASK_NAMES))
    .option('--ordered', 'results in the order of the input')
    .option('--unordered', 'results as they come, which is faster (the default)')
    .option('--resume', 'go on with what the output holds')
    .option('--overwrite', 'begin anew in place of what the output holds')
    .option('--csv-safe', "keep spreadsheets from taking a .csv's texts for formulas: an apostrophe before them")
    .option('--max-errors <n>', 'end when more images than this failed (default: never)', numeric)
    .option('--redis [url]', 'have workers do it (paligemma worker); default: REDIS_URL, or redis://127.0.0.1:6379')
    .option('--inline', 'with --redis: send the files along, for workers that do not share them')
    .option('--devices <list>', 'several devices, each with a copy of the model: cuda:0,cuda:1', commaList);
  addOptions(command, ASKED, { required: false });
  return logOptions(queueOption(command)).action((inputs: string[], options: Options) =>
    start(inputs, { ...options, request: requestOf(command, options) }),
  );
}

/** What a batch may ask: the options of all tasks, and how tokens are chosen. */
const ASKED = { ...allOptions, ...sampling };

const requestOf = (command: Command, options: Options): BatchRequest => ({
  ...(options.task && { task: options.task }),
  ...givenOptions(command, ASKED, options),
});

async function start(inputs: string[], options: Options): Promise<void> {
  if (options.redis === undefined && lacksModel(options)) return;
  sharp.cache(false); // no picture comes twice; without looking for it each takes a fifth less
  const { request } = options;
  checkRequest(request);
  checkQuestion(inputs, request);
  for (const input of inputs) await checkSource(input);
  if (options.ordered && (options as { unordered?: boolean }).unordered)
    throw invalid('give --ordered or --unordered, not both');
  const { maxErrors } = options;
  if (maxErrors !== undefined && !(maxErrors >= 0)) throw invalid('--max-errors must be 0 or more');
  if (options.redis !== undefined && options.model !== undefined)
    throw invalid('with --redis the model is the matter of the workers: give it to them');
  const progress = new BatchProgress();
  const metrics = await publishMetrics(options.metrics, progress.registry);
  try {
    if (options.redis === undefined) await withOwnModel(inputs, options, progress);
    else await withFleet(redisUrl(options.redis), inputs, options, progress);
  } finally {
    await metrics.close();
  }
}

const withOwnModel = (inputs: string[], options: Options, progress: BatchProgress): Promise<void> =>
  // In folders each picture comes once: none is kept. A list may ask several things of one.
  withModel({ ...options, everyDevice: true, ...(!inputs.some(mayAsk) && { featureCache: 0 }) }, (model) =>
    interruptible((interrupted) => {
      const { request } = options;
      const answer: Job['answer'] = (item, _, signal) => model.ask(item, request, signal);
      return run(inputs, options, progress, { answer, window: model.concurrency, interrupted });
    }),
  );

const withFleet = (url: string, inputs: string[], options: Options, progress: BatchProgress): Promise<void> =>
  interruptible(async (interrupted) => {
    const { queue, output, resume = false, inline = false } = options;
    const collector = await Collector.open(url, {
      ...{ queue, request: options.request, output, resume, inline },
      onTrouble: (message) => progress.say(message),
    });
    try {
      if ((await collector.workers()) === 0) remark('no worker is there yet: paligemma worker --redis ...');
      const answer: Job['answer'] = (item, index, signal) => collector.answer(item, index, signal);
      const window = [...inputs, output].some(isTar) ? FLEET_WINDOW_IN_MEMORY : FLEET_WINDOW;
      interrupted.stop.addEventListener('abort', () => void collector.withdraw(), { once: true });
      await run(inputs, options, progress, { answer, window, interrupted });
    } finally {
      await collector.close();
    }
  });

/** What every single item would fail of is said before anything is loaded. */
function checkQuestion(inputs: string[], request: BatchRequest): void {
  if (request.task === undefined || inputs.some(mayAsk)) return;
  const { options } = taskOf(request.task);
  const missing = Object.keys(options).find((name) => options[name]?.required && request[name] === undefined);
  if (missing !== undefined) throw invalid(`the task ${request.task} needs --${options[missing]?.flag ?? missing}`);
}

interface Answering extends Pick<Job, 'answer' | 'window'> {
  interrupted: Interruption;
}

async function run(inputs: string[], options: Options, progress: BatchProgress, answering: Answering): Promise<void> {
  const { resume = false, overwrite = false } = options;
  const { stop } = answering.interrupted;
  const output = await openOutput(options.output, { ...{ resume, overwrite, csvSafe: options.csvSafe }, say: remark });
  const log = openLog(options);
  const say = () => progress.say(FINISHING);
  stop.addEventListener('abort', say, { once: true });
  progress.start(entriesOf(inputs, { listingOnly: true }));
  log.info({ inputs, output: options.output, resume, request: options.request }, 'begun');
  try {
    await answerAll(inputs, options, { ...answering, output, progress, log });
  } finally {
    stop.removeEventListener('abort', say);
    if (inputs.includes('-')) process.stdin.destroy(); // which may stay open, and would keep this process
    await output.close();
    const summary = progress.end();
    if (options.json && options.output !== '-') print(JSON.stringify(summary));
    log.info(summary, 'summary');
  }
  if (stop.aborted) {
    const how = options.output === '-' ? '' : '; go on with the same command and --resume';
    remark(`interrupted${how}`);
    process.exitCode = INTERRUPTED;
  } else if (progress.errors > 0) process.exitCode = 1;
}

interface Answered extends Answering, Pick<Job, 'output'> {
  progress: BatchProgress;
  log: ReturnType<typeof openLog>;
}

async function answerAll(inputs: string[], options: Options, { progress, log, ...job }: Answered): Promise<void> {
  const { ordered = false, maxErrors = Number.POSITIVE_INFINITY } = options;
  const { answer, window, output, interrupted } = job;
  try {
    await runJob({
      entries: entriesOf(inputs, { keepFiles: output.wantsFiles }),
      ...{ answer, window, ordered, output, maxErrors, stop: interrupted.stop, signal: interrupted.end },
      onSkipped: () => progress.skipped(),
      onDone(result) {
        progress.done(result);
        const { id, error, timings } = result;
        if (error) log.warn({ id, code: error.code }, error.message);
        else log.debug({ id, timings }, 'answered');
      },
    });
  } catch (error) {
    log.error({ err: error }, 'ended');
    if (!interrupted.end.aborted) throw error;
  }
}

async function* entriesOf(inputs: string[], options: SourceOptions): AsyncGenerator<BatchItem | Unusable> {
  for (const input of inputs) yield* openSource(input, options);
}
