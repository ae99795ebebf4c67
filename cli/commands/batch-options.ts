// What `batch` and `worker` have in common on the command line.

import { type Command, Option } from 'commander';
import { type Logger, pino } from 'pino';
import { DEFAULT_QUEUE } from '../fleet/wire.js';

export interface LogOptions {
  log?: string;
  logLevel: string;
  metrics?: string;
}

export const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

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
