import { Command } from 'commander';
import { type ConvertOptions, convert } from '../weights/convert.js';
import { QUANTIZATIONS, VISION_QUANTIZATIONS } from '../weights/quantization.js';
import { print, remark, untilInterrupted } from './common.js';
import { bytes } from './format.js';
import { ProgressBar } from './progress-bar.js';

interface Options extends Omit<ConvertOptions, 'onProgress' | 'signal'> {
  json?: boolean;
}

/** The options that say how a checkpoint becomes a model. */
export const conversionOptions = (command: Command): Command =>
  command
    .option('--quantization <type>', `of the text model: ${QUANTIZATIONS.join(', ')} (default: f16)`)
    .option(
      '--vision-quantization <type>',
      `of the vision tower: ${VISION_QUANTIZATIONS.join(', ')} (default: as --quantization, q8_0 below eight bits)`,
    )
    .option('--mask-decoder <file>', 'vae-oid.npz, to decode segments to masks with')
    .option('--adapter <folder>', 'LoRA adapter to merge into the weights')
    .option('--tokenizer <path>', 'folder or file to take the tokenizer from (default: beside the weights)');

export function convertCommand(): Command {
  return conversionOptions(new Command('convert'))
    .description('convert a PaliGemma checkpoint to a model folder')
    .argument('<source>', "Hugging Face folder, or big_vision's .npz")
    .argument('<target>', 'folder for model.gguf and mmproj.gguf')
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
