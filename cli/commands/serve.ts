import { Command, Option } from 'commander';
import { invalid, number, whole } from 'node-paligemma/support';
import sharp from 'sharp';
import { isLoopback } from '../serve/guard.js';
import type { ModelOptions, ServerOptions } from '../serve/options.js';
import { LEVELS, type LogOptions, openLog } from './batch-options.js';
import {
  A_MODEL,
  type CommonOptions,
  collect,
  EMBEDDED,
  EMBEDDED_NOTICE,
  loadedWith,
  loadingOptions,
  numeric,
  print,
  remark,
  WITHOUT_MODEL,
} from './common.js';
import { aborted, FINISHING, INTERRUPTED, interruptible } from './interrupt.js';

interface Options extends Omit<CommonOptions, 'model'>, Omit<LogOptions, 'metrics'> {
  model?: string[];
  host: string;
  port: number;
  apiKey?: string[] | false;
  open?: boolean;
  preload?: boolean;
  unloadAfter: number;
  allowedHost?: string[];
  corsOrigin?: string[];
  allowRemoteImages?: boolean;
  friendlyPrompts?: boolean;
  lenient?: boolean;
  labels?: string;
  maxBody: number;
  maxQueue: number;
  timeout: number;
  rateLimit?: number;
  metrics?: boolean;
  grace: number;
  page: boolean;
}

const MEBIBYTE = 1 << 20;

export function serveCommand(): Command {
  const command = new Command('serve')
    .description("a page to drop pictures on, and OpenAI's and Hugging Face's interfaces for programs")
    .option(
      '--model <path or id>',
      `${A_MODEL}; several, each with its flag; NAME=PATH names it (${WITHOUT_MODEL})`,
      collect,
    )
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option('--port <n>', 'which port; 0: any that is free', numeric, 3000)
    .option('--open', 'open the page in the browser')
    .option(
      '--api-key <key>',
      'what requests must bring; may be given several times (default: PALIGEMMA_API_KEY)',
      collect,
    )
    .option('--no-api-key', 'let anybody ask who reaches this address, beyond this machine too')
    .option('--preload', 'load all models now, instead of each at its first request')
    .option('--unload-after <minutes>', 'without a request; 0: never', numeric, 15)
    .option(
      '--allowed-host <name>',
      'a name of this machine that requests may use; may be given several times',
      collect,
    )
    .option('--cors-origin <origin>', 'pages of this origin may ask; * for all; may be given several times', collect)
    .option('--allow-remote-images', 'fetch pictures by URL, from public addresses')
    .addOption(new Option('--friendly-prompts', 'plain questions become "answer en ..." (default: of mix models)'))
    .option('--no-friendly-prompts', 'prompts stay as they are written')
    .option('--lenient', 'drop system messages and earlier turns, instead of refusing them')
    .option('--labels <names>', 'what /hf/object-detection looks for when nothing is named: "cat ; dog"')
    .option('--max-body <mebibytes>', 'the largest request', numeric, 32)
    .option('--max-queue <n>', 'requests that may wait for a model', numeric, 256)
    .option('--timeout <seconds>', 'the longest that a request may take', numeric, 600)
    .option('--rate-limit <n>', 'requests a minute from one key, or address (default: any number)', numeric)
    .option('--metrics', 'counts for Prometheus at /metrics')
    .option('--grace <seconds>', 'at the end: to finish what runs', numeric, 30)
    .option('--no-page', 'no page, programs alone')
    .option('--log <file>', 'log there, as JSON lines (default: standard error)')
    .addOption(new Option('--log-level <level>', 'least level to log').choices(LEVELS).default('warn'));
  return loadingOptions(command).action(serve);
}

async function serve(options: Options): Promise<void> {
  // Loaded here alone: other commands need none of it.
  const { startServer } = await import('../serve/server.js');
  sharp.cache(false); // no picture comes twice
  const asked = serverOptions(options);
  const grace = number('--grace', options.grace, 0, 86_400);
  const port = whole('--port', options.port, 0, 65_535);
  if (options.model === undefined) remark(EMBEDDED_NOTICE);
  await interruptible(async ({ stop, end }) => {
    const server = await startServer(asked, port, openLog({ log: options.log, logLevel: options.logLevel }, 2)).catch(
      (error: NodeJS.ErrnoException) => {
        throw error.code === 'EADDRINUSE'
          ? invalid(`the port ${port} is in use: choose another one with --port`)
          : error;
      },
    );
    print(`paligemma is at ${server.url}`);
    if (options.open) await openPage(server.url);
    await aborted(stop);
    remark(FINISHING);
    const closed = await Promise.race([server.close(grace).then(() => true), aborted(end)]);
    if (!closed) process.exit(INTERRUPTED);
  });
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT */
function serverOptions(options: Options): ServerOptions {
  const { host, apiKey, labels } = options;
  const own = process.env.PALIGEMMA_API_KEY;
  const apiKeys = apiKey === false ? [] : (apiKey ?? (own ? [own] : []));
  if (apiKeys.some((key) => !/^[\x21-\x7e]+$/.test(key))) throw invalid('a key is made of letters, digits and signs');
  if (!isLoopback(host) && apiKeys.length === 0 && apiKey !== false)
    throw invalid(
      `beyond this machine anybody could ask: give a key with --api-key, or say --no-api-key to let them (--host ${host})`,
    );
  const models = (options.model ?? [EMBEDDED]).map((text) => ({
    ...named(text),
    load: loadedWith({ ...options, model: undefined }),
  }));
  return {
    models,
    host,
    apiKeys,
    preload: options.preload,
    unloadAfter: number('--unload-after', options.unloadAfter, 0, 1e6),
    allowedHosts: options.allowedHost,
    corsOrigins: options.corsOrigin,
    allowRemoteImages: options.allowRemoteImages,
    friendlyPrompts: options.friendlyPrompts ?? 'auto',
    lenient: options.lenient,
    labels: labels?.split(';').map((label) => label.trim()),
    bodyLimit: Math.round(number('--max-body', options.maxBody, 0.001, 1024) * MEBIBYTE),
    queueLimit: whole('--max-queue', options.maxQueue, 0, 1e6),
    timeout: number('--timeout', options.timeout, 0.001, 86_400),
    rateLimit: options.rateLimit === undefined ? undefined : whole('--rate-limit', options.rateLimit, 1, 1e9),
    metrics: options.metrics,
    page: options.page,
  };
}

/** `cats=./models/cats` names a model; a path may hold a `=` of its own after a slash. */
function named(text: string): ModelOptions {
  const [, id, model] = /^([\w.-]+)=(.+)$/s.exec(text) ?? [];
  return id !== undefined && model !== undefined ? { id, model } : { model: text };
}

async function openPage(url: string): Promise<void> {
  const { default: open } = await import('open');
  await open(url).catch(() => remark('no browser could be opened'));
}
