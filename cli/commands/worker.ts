import type { Command } from 'commander';
import { Access, number, whole } from 'node-paligemma/support';
import type { Logger } from 'pino';
import sharp from 'sharp';
import { startWorker, type WorkerOptions } from '../fleet/worker.js';
import { type LogOptions, logOptions, openLog, queueOption, redisUrl } from './batch-options.js';
import { type CommonOptions, commaList, fail, lacksModel, modelCommand, numeric, remark, withModel } from './common.js';
import { aborted, FINISHING, INTERRUPTED, type Interruption, interruptible } from './interrupt.js';
import { publishMetrics } from './metrics.js';
import { WorkerMetrics } from './worker-metrics.js';

interface Options extends CommonOptions, LogOptions {
  redis: string | true;
  queue: string;
  stalledAfter: number;
  root?: string;
  maxBytes?: number;
  allowPrivateAddresses?: boolean;
}

export function workerCommand(): Command {
  const command = modelCommand('worker', 'required')
    .description('answer what `paligemma batch --redis` gives out, until it is interrupted')
    .option('--redis [url]', 'where the queue is (default: REDIS_URL, or redis://127.0.0.1:6379)')
    .option('--stalled-after <seconds>', 'without a sign of life for so long, another worker takes over', numeric, 30)
    .option('--root <folder>', 'read picture files below this folder only (default: any file)')
    .option('--max-bytes <n>', 'refuse larger picture files (default: any size, 64 MiB from URLs)', numeric)
    .option('--allow-private-addresses', 'fetch images from private networks and this machine too')
    .option('--devices <list>', 'several devices, each with a copy of the model: cuda:0,cuda:1', commaList);
  return logOptions(queueOption(command)).action(start);
}

async function start({ redis = true, ...options }: Options): Promise<void> {
  if (lacksModel(options)) return;
  sharp.cache(false); // no picture comes twice
  const stalledAfter = number('--stalled-after', options.stalledAfter, 1, 86_400);
  const { root, maxBytes, allowPrivateAddresses = false, queue } = options;
  if (maxBytes !== undefined) whole('--max-bytes', maxBytes, 1, Number.MAX_SAFE_INTEGER);
  const access = await Access.open({ root, maxBytes, publicUrlsOnly: !allowPrivateAddresses });
  const log = openLog(options, 2);
  const counted = new WorkerMetrics();
  const metrics = await publishMetrics(options.metrics, counted.registry);
  let leaves: number | string | undefined;
  try {
    await withModel({ ...options, everyDevice: true }, (model) =>
      interruptible(async (interruption) => {
        const givenUp = new AbortController();
        const worker = await startWorker(redisUrl(redis), (item, request) => model.ask(item, request), {
          ...{ queue, concurrency: model.concurrency, stalledAfter, access },
          ...heard(counted, log),
          onGivenUp: (error) => givenUp.abort(error),
        });
        log.info({ queue, model: model.info.name, devices: model.info.devices }, 'ready');
        leaves = await untilOver(worker, interruption, givenUp.signal, log);
      }),
    );
  } finally {
    await metrics.close();
  }
  if (leaves === 1)
    remark('Redis does not answer: what was begun could not be handed in, and is left to other workers');
  if (leaves !== undefined) process.exit(leaves); // a connection would keep this process
}

/** What becomes of the images, counted and logged. */
const heard = (counted: WorkerMetrics, log: Logger): Pick<WorkerOptions, 'onOutcome' | 'onFailed' | 'onTrouble'> => ({
  onOutcome(id, outcome, milliseconds) {
    const error = 'error' in outcome ? outcome.error : undefined;
    counted.outcome(error ? 'error' : 'answer', milliseconds);
    if (error) log.warn({ id, code: error.code }, error.message);
    else log.debug({ id, milliseconds }, 'answered');
  },
  onFailed(id, reason) {
    counted.outcome('failed');
    log.error({ id }, reason);
  },
  onTrouble: (message) => log.error(message),
});

/** @returns the status to exit with at once; nothing where all was handed in */
async function untilOver(
  worker: Awaited<ReturnType<typeof startWorker>>,
  { stop, end }: Interruption,
  givenUp: AbortSignal,
  log: Logger,
): Promise<number | string | undefined> {
  await Promise.race([aborted(stop), aborted(givenUp)]);
  if (givenUp.aborted) {
    fail(givenUp.reason);
    return process.exitCode;
  }
  remark(FINISHING);
  const inOrder = await Promise.race([worker.close(), aborted(end)]);
  if (!inOrder) return end.aborted ? INTERRUPTED : 1;
  log.info('closed');
  return undefined;
}
