// What `batch` and `worker` have in common on the command line.

import { rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type Command, Option } from 'commander';
import { type Logger, pino } from 'pino';
import type { Registry } from 'prom-client';
import { DEFAULT_QUEUE } from '../batch/fleet/wire.js';
import { remark } from './common.js';

export interface LogOptions {
  log?: string;
  logLevel: string;
  metrics?: string;
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];
const METRICS_EVERY_MS = 5_000;

export const logOptions = (command: Command): Command =>
  command
    .option(
      '--metrics <where>',
      'counts for Prometheus: a text file that is kept up to date, or :PORT to serve them at',
    )
    .option('--log <file>', 'log there, as JSON lines')
    .addOption(new Option('--log-level <level>', 'least level to log').choices(LEVELS).default('info'));

export const queueOption = (command: Command): Command =>
  command.option('--queue <name>', 'name of the queue, one a model', DEFAULT_QUEUE);

/** Where Redis is: as given, or as the environment says. */
export const redisUrl = (given: string | true): string =>
  given === true ? (process.env.REDIS_URL ?? 'redis://127.0.0.1:6379') : given;

/** @param otherwise where to log without a file. Default: nowhere */
export function openLog({ log, logLevel }: LogOptions, otherwise?: 2): Logger {
  const target = log ?? otherwise;
  if (target === undefined) return pino({ enabled: false });
  return pino(
    { level: logLevel, base: undefined },
    pino.destination({ dest: target, append: true, mkdir: true, sync: true }),
  );
}

/** Publishes counts until it is closed. */
export async function publishMetrics(
  where: string | undefined,
  registry: Registry,
): Promise<{ close(): Promise<void> }> {
  if (where === undefined) return { close: async () => {} };
  const port = /^:(\d{1,5})$/.exec(where)?.[1];
  return port === undefined ? keepFile(where, registry) : serve(Number(port), registry);
}

/** Put in place whole, so that who reads it never sees a half. */
async function keepFile(file: string, registry: Registry) {
  const write = async () => {
    await writeFile(`${file}.partial`, await registry.metrics());
    await rename(`${file}.partial`, file);
  };
  await write();
  const timer = setInterval(() => write().catch((error) => remark(`metrics: ${error.message}`)), METRICS_EVERY_MS);
  return {
    async close() {
      clearInterval(timer);
      await write().catch((error) => remark(`metrics: ${error.message}`));
    },
  };
}

async function serve(port: number, registry: Registry) {
  const server = createServer(async (_, response) => {
    response.setHeader('content-type', registry.contentType).end(await registry.metrics());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, resolve));
  return { close: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

/** Two wishes to end: the first to finish what is begun, the second to end at once. */
export function onInterrupt(say: (text: string) => void) {
  const stop = new AbortController();
  const end = new AbortController();
  const interrupt = () => {
    if (stop.signal.aborted) end.abort(new Error('interrupted'));
    else {
      say('finishing what is begun; once more to end at once');
      stop.abort();
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
  return {
    stop: stop.signal,
    end: end.signal,
    release: () => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
    },
  };
}
