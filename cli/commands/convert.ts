import { Command } from 'commander';
import { type ConvertOptions, convert } from 'node-paligemma';
import { print, remark, untilInterrupted } from './common.js';
import { bytes } from './format.js';
import { ProgressBar } from './progress-bar.js';
import { conversionOptions, typeOptions } from './source-options.js';

interface Options extends Omit<ConvertOptions, 'onProgress' | 'signal'> {
  json?: boolean;
}

export function convertCommand(): Command {
  return conversionOptions(typeOptions(new Command('convert')))
    .description('convert a PaliGemma checkpoint to a model folder')
    .argument('<source>', "Hugging Face folder, or big_vision's .npz")
    .argument('<target>', 'folder for model.gguf and mmproj.gguf')
    .option('--adapter <folder>', 'LoRA adapter to merge into the weights')
    .option('--name <text>', 'name to write into the files (default: that of the source)')
    .option('--licence <id>', 'licence to write into the files (default: gemma)')
    .option('--json', 'print the report as JSON')
    .action(run);
}

async function run(source: string, target: string, { json, ...options }: Options): Promise<void> {
  const bar = new ProgressBar();
  try {
    const report = await untilInterrupted((signal) =>
      convert(source, target, { ...options, signal, onProgress: bar.update }),
    );
    bar.stop();
    if (json) print(JSON.stringify(report));
    else for (const file of report.files) print(`${file.path}  ${bytes(file.bytes)}, ${file.tensors} tensors`);
    remark(`Converted in ${(report.duration / 1000).toFixed(1)} s. Try it: paligemma caption IMAGE --model ${target}`);
  } finally {
    bar.stop();
  }
}
