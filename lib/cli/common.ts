import { Command } from 'commander';
import { PaliGemmaError, reasonOf } from '../errors.js';
import { embeddedModel } from '../model-source.js';
import { PaliGemma } from '../paligemma.js';
import type { Device } from '../types.js';

export interface CommonOptions {
  model?: string;
  device?: Device;
  threads?: number;
  maxTokens?: number;
  json?: boolean;
}

/** A command with the options that all commands around a model share. Numbers are checked where the library checks them. */
export function modelCommand(name: string): Command {
  return new Command(name)
    .option('--model <path>', 'model folder (default: the embedded emoji model)')
    .option('--device <name>', 'auto or cpu')
    .option('--threads <n>', 'threads to compute with (default: all processors)', Number)
    .option('--max-tokens <n>', 'most tokens to generate (default: 100)', Number)
    .option('--json', 'print JSON, one value a line');
}

/** Progress and remarks go to standard error: standard output is for results alone. */
export const remark = (line: string): void => void process.stderr.write(`${line}\n`);

export const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** One line that names the cause, no stack trace, exit status 1. */
export function fail(error: unknown, about = ''): void {
  const code = error instanceof PaliGemmaError ? `${error.code}: ` : '';
  remark(`paligemma: ${about}${code}${reasonOf(error).replace(/\s*\n\s*/g, ' ')}`);
  process.exitCode = 1;
}

export const errorObject = (error: unknown) => ({
  code: error instanceof PaliGemmaError ? error.code : 'ERR_UNKNOWN',
  message: reasonOf(error),
});

/** Loads the model the options name; without one, the embedded model, and says so. */
export async function loadModel(options: CommonOptions): Promise<{ model: PaliGemma; loadMs: number }> {
  if (options.model === undefined) remark(EMBEDDED_NOTICE);
  const started = performance.now();
  const model = await PaliGemma.load(options.model ?? embeddedModel(), {
    device: options.device,
    threads: options.threads,
  });
  return { model, loadMs: performance.now() - started };
}

export const EMBEDDED_NOTICE =
  'Using the embedded paligemma-emoji-112, a small model that knows drawn emoji scenes only; choose another with --model.';
