import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Quantization } from 'node-paligemma';
import { holdTo, INSTRUCTION_SETS, whole, writeRandomModel } from 'node-paligemma/support';
import { type BenchReport, measure } from '../bench/measure.js';
import {
  type CommonOptions,
  EMBEDDED,
  modelCommand,
  note,
  numeric,
  print,
  remark,
  untilInterrupted,
} from './common.js';
import { bytes } from './format.js';
import { ProgressBar } from './progress-bar.js';

interface Options extends CommonOptions {
  random?: string;
  keep?: string;
  prompt: string;
  maxTokens: number;
  concurrency: number[];
  requests: number;
  isa?: string;
}

export function benchCommand(): Command {
  return modelCommand('bench')
    .description('measure a model on this machine')
    .option('--random <size>', 'a model with random weights instead: 3b-224, pg2-3b-448, pg2-10b-224, ...')
    .option('--keep <folder>', 'with --random: write the model there, unless it is there already, and leave it')
    .option('--prompt <text>', 'what is asked', 'caption en')
    .option('--max-tokens <n>', 'tokens a request', numeric, 20)
    .option('--concurrency <list>', 'requests in flight, one measurement each', counts, [1, 2, 4, 8])
    .option('--requests <n>', 'requests a measurement', numeric, 16)
    .addOption(
      new Option('--isa <set>', 'hold the processor to an instruction set (default: the best it has)').choices(
        INSTRUCTION_SETS,
      ),
    )
    .action(run);
}

function counts(text: string): number[] {
  const list = text.split(',').map(Number);
  if (list.every((n) => Number.isInteger(n) && n >= 1 && n <= 256)) return list;
  throw new InvalidArgumentError('It must be whole numbers from 1 to 256 with commas between them.');
}

async function run(options: Options): Promise<void> {
  const { random, keep, model, json, maxTokens, prompt, concurrency, requests, isa, ...load } = options;
  if (isa !== undefined) holdTo(isa);
  whole('--requests', requests, 1, 1_000_000);
  const bar = new ProgressBar();
  const folder =
    random === undefined ? undefined : (keep ?? (await mkdtemp(path.join(os.tmpdir(), 'paligemma-bench-'))));
  try {
    const report = await untilInterrupted(async (signal) => {
      const { quantization, visionQuantization, ...rest } = load;
      const hears = { onProgress: bar.update, onNotice: bar.say(note) };
      const settings = { prompt, maxTokens, concurrency, requests, featureCache: 0, signal, ...hears };
      const step = bar.say((text) => remark(`measuring ${text}`));
      if (folder === undefined || random === undefined)
        return measure(model ?? EMBEDDED, { ...load, ...settings }, step);
      if (!existsSync(path.join(folder, 'model.gguf')))
        await writeRandomModel(random, folder, {
          quantization: quantization as Quantization,
          visionQuantization,
          signal,
          onProgress: bar.update,
        });
      return measure(folder, { ...rest, ...settings }, step);
    });
    bar.stop();
    if (json) print(JSON.stringify(report));
    else for (const line of lines(report)) print(line);
  } finally {
    bar.stop();
    if (folder !== undefined && keep === undefined) await rm(folder, { recursive: true, force: true });
  }
}

const ms = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`;

const share = (of: number | undefined): string => (of === undefined ? '' : ` (${(of * 100).toFixed(0)} % of the peak)`);
const giga = (value: number): string => (value / 1e9).toFixed(0);

function lines({ single, throughput, peaks, shares, ...report }: BenchReport): string[] {
  const row = (name: string, value: string) => `${name.padEnd(14)} ${value}`;
  return [
    row(
      'model',
      `${report.model}, text ${report.quantization}, vision ${report.visionQuantization}, ${report.imageSize} px`,
    ),
    row('device', `${report.device}, ${report.threads} threads`),
    row('load', ms(report.load)),
    row('picture', ms(single.image)),
    row('vision', ms(single.vision) + share(shares?.vision)),
    row('prefix', ms(single.prefill) + share(shares?.prefix)),
    row('first token', ms(single.firstToken)),
    row('a token', ms(single.token) + share(shares?.token)),
    row('an answer', `${ms(single.total)}, ${single.tokens} tokens`),
    ...throughput.map(({ concurrency, imagesPerSecond, tokensPerSecond }) =>
      row(`${concurrency} in flight`, `${imagesPerSecond.toFixed(2)} images/s, ${tokensPerSecond.toFixed(1)} tokens/s`),
    ),
    ...(report.resident === undefined ? [] : [row('memory', `${bytes(report.resident)} resident`)]),
    ...(peaks ? [row('processor', processor(peaks))] : []),
  ];
}

/** Its peaks, in thousand millions a second. */
function processor({ float32, int8, tiles, reading }: NonNullable<BenchReport['peaks']>): string {
  const parts = [`${giga(float32)} GFLOP/s in float32`];
  if (int8 > 0) parts.push(`${giga(int8)} GOP/s in int8`);
  if (tiles > 0) parts.push(`${giga(tiles)} GFLOP/s in bfloat16 tiles`);
  return [...parts, `reads ${giga(reading)} GB/s`].join(', ');
}
