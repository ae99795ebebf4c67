import type { Command } from 'commander';
import { Access, number, whole } from 'node-paligemma/support';
import { Counter, Histogram, Registry } from 'prom-client';
import sharp from 'sharp';
import { startWorker } from '../fleet/worker.js';
import { type LogOptions, logOptions, openLog, queueOption, redisUrl } from './batch-options.js';
import { type CommonOptions, commaList, fail, lacksModel, modelCommand, numeric, remark, withModel } from './common.js';
import { FINISHING, INTERRUPTED, interruptible } from './interrupt.js';
import { publishMetrics } from './metrics.js';

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
  const { root, maxBytes, allowPrivateAddresses = false } = options;
  if (maxBytes !== undefined) whole('--max-bytes', maxBytes, 1, Number.MAX_SAFE_INTEGER);
  const access = await Access.open({ root, maxBytes, publicUrlsOnly: !allowPrivateAddresses });
  const log = openLog(options, 2);
  const registry = new Registry();
  const images = new Counter({
    name: 'paligemma_worker_images_total',
    help: 'Images that this worker had in work, by outcome.',
    labelNames: ['outcome'],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: 'paligemma_worker_image_seconds',
    help: 'From taking an image to its outcome.',
    buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100],
    registers: [registry],
  });
  const metrics = await publishMetrics(options.metrics, registry);
  let leaves: number | string | undefined;
  const givenUp = new AbortController();
  try {
    await withModel({ ...options, everyDevice: true }, (model) =>
      interruptible(async ({ stop, end }) => {
        const worker = await startWorker(redisUrl(redis), (item, request) => model.ask(item, request), {
          ...{ queue: options.queue, concurrency: model.concurrency, stalledAfter, access },
          onOutcome(id, outcome, milliseconds) {
            const error = 'error' in outcome ? outcome.error : undefined;
            images.inc({ outcome: error ? 'error' : 'answer' });
            seconds.observe(milliseconds / 1000);
            if (error) log.warn({ id, code: error.code }, error.message);
            else log.debug({ id, milliseconds }, 'answered');
          },
          onFailed(id, reason) {
            images.inc({ outcome: 'failed' });
            log.error({ id }, reason);
          },
          onGivenUp: (error) => givenUp.abort(error),
          onTrouble: (message) => log.error(message),
        });
        log.info({ queue: options.queue, model: model.info.name, devices: model.info.devices }, 'ready');
        await Promise.race([aborted(stop), aborted(givenUp.signal)]);
        if (givenUp.signal.aborted) {
          fail(givenUp.signal.reason);
          leaves = process.exitCode;
          return;
        }
        remark(FINISHING);
        const inOrder = await Promise.race([worker.close(), aborted(end)]);
        if (inOrder) log.info('closed');
        else leaves = end.aborted ? INTERRUPTED : 1;
      }),
    );
  } finally {
    await metrics.close();
  }
  if (leaves === 1)
    remark('Redis does not answer: what was begun could not be handed in, and is left to other workers');
  if (leaves !== undefined) process.exit(leaves); // a connection would keep this process
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
