import type { Command } from 'commander';
import { captionLanguage } from '../options.js';
import { captionPrompt } from '../tasks/caption.js';
import { type CommonOptions, errorObject, fail, loadModel, modelCommand, print } from './common.js';

interface Options extends CommonOptions {
  language?: string;
}

export function captionCommand(): Command {
  return modelCommand('caption')
    .description('describe each image in a sentence')
    .argument('<image...>', 'paths or URLs')
    .option('--language <code>', 'language of the caption: en, es, de, ... (default: en)')
    .action(run);
}

async function run(images: string[], options: Options): Promise<void> {
  const prompt = captionPrompt(captionLanguage(options));
  const { model, loadMs } = await loadModel(options);
  try {
    for (const image of images) {
      try {
        const { text, ...rest } = await model.generate({ prompt, images: [image], maxTokens: options.maxTokens });
        if (options.json) print(JSON.stringify({ image, text, ...rest, timings: { load: loadMs, ...rest.timings } }));
        else print(images.length > 1 ? `${image}: ${text}` : text);
      } catch (error) {
        // The others still get their captions; the exit status tells.
        if (options.json) print(JSON.stringify({ image, error: errorObject(error) }));
        fail(error);
      }
    }
  } finally {
    await model.dispose();
  }
}
