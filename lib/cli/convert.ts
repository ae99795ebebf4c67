import { Presets, SingleBar } from 'cli-progress';
import { Command } from 'commander';
import { convert } from '../weights/convert.js';
import type { WeightType } from '../weights/weight-type.js';
import { print, remark } from './common.js';
import { bytes } from './format.js';

interface Options {
  quantization?: WeightType;
  visionQuantization?: WeightType;
  maskDecoder?: string;
  name?: string;
  licence?: string;
  json?: boolean;
}

export function convertCommand(): Command {
  return new Command('convert')
    .description('convert a Hugging Face PaliGemma folder to a model folder')
    .argument('<source>', 'folder with config.json, *.safetensors and a tokenizer')
    .argument('<target>', 'folder for model.gguf and mmproj.gguf')
    .option('--quantization <type>', 'of the text model: f32, f16, bf16, q8_0 or q4_0 (default: f16)')
    .option('--vision-quantization <type>', 'of the vision tower (default: as --quantization)')
    .option('--mask-decoder <file>', 'vae-oid.npz, to decode segments to masks with')
    .option('--name <text>', 'name to write into the files (default: that of the source folder)')
    .option('--licence <id>', 'licence to write into the files (default: gemma)')
    .option('--json', 'print the report as JSON')
    .action(run);
}

async function run(source: string, target: string, { json, ...options }: Options): Promise<void> {
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort(new Error('interrupted; nothing was changed')));
  const bar = progressBar();
  try {
    const report = await convert(source, target, {
      ...options,
      signal: interrupted.signal,
      onProgress: ({ done, total }) => bar.update(done, total),
    });
    bar.stop();
    if (json) print(JSON.stringify(report));
    else for (const file of report.files) print(`${file.path}  ${bytes(file.bytes)}, ${file.tensors} tensors`);
    remark(`Converted in ${(report.duration / 1000).toFixed(1)} s. Try it: paligemma caption IMAGE --model ${target}`);
  } finally {
    bar.stop();
  }
}

/** A bar on a terminal; elsewhere nothing, so that logs stay readable. */
function progressBar() {
  const bar = new SingleBar(
    {
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      format: 'converting {bar} {percentage}%  {value} of {total}  {eta_formatted} left',
      formatValue: (value, _options, type) => (type === 'value' || type === 'total' ? bytes(value) : String(value)),
      noTTYOutput: false,
    },
    Presets.shades_classic,
  );
  let started = false;
  return {
    update(done: number, total: number) {
      if (!started) bar.start(total, 0);
      started = true;
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}
