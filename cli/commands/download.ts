import { Command } from 'commander';
import { type DownloadOptions, download, modelInfo } from 'node-paligemma';
import { note, print, remark, untilInterrupted } from './common.js';
import { bytes } from './format.js';
import { ProgressBar } from './progress-bar.js';
import { fetchingOptions } from './source-options.js';

interface Options extends Omit<DownloadOptions, 'onProgress' | 'onNotice' | 'signal' | 'token'> {
  json?: boolean;
}

export function downloadCommand(): Command {
  return fetchingOptions(new Command('download'))
    .description('fetch a model from the Hugging Face hub, convert it and keep it in the cache')
    .argument('<model>', 'hub id such as google/paligemma-3b-mix-224, or a checkpoint on the disk')
    .option('--keep-source', 'keep the downloaded checkpoint, to convert it to other types later')
    .option('--json', 'print what is in the model as JSON')
    .addHelpText(
      'after',
      '\nThe token for gated models comes from HF_TOKEN or from the file that `hf auth login` writes.',
    )
    .action(run);
}

async function run(model: string, { json, ...options }: Options): Promise<void> {
  const bar = new ProgressBar();
  try {
    const folder = await untilInterrupted((signal) =>
      download(model, {
        ...options,
        signal,
        onProgress: bar.update,
        onNotice: bar.say(note),
      }),
    );
    bar.stop();
    const info = await modelInfo(folder);
    if (json) return print(JSON.stringify(info));
    print(folder);
    remark(
      `text ${info.quantization}, vision ${info.visionQuantization}, ${bytes(info.memory.weights)} of weights. ` +
        `Try it: paligemma caption IMAGE --model ${model}${options.quantization ? ` --quantization ${options.quantization}` : ''}`,
    );
  } finally {
    bar.stop();
  }
}
