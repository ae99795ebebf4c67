import type { Command } from 'commander';
import { captionLanguage, captionPrompt } from 'node-paligemma/support';
import { type CommonOptions, failWith, modelCommand, print, withModel } from './common.js';

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
  await withModel(options, async (model, load) => {
    for (const image of images) {
      try {
        const prompt = captionPrompt(captionLanguage(options));
        const request = { prompt, images: [image], maxTokens: options.maxTokens, locations: false };
        const { text, ...rest } = await model.generate(request);
        if (options.json) print(JSON.stringify({ image, text, ...rest, timings: { load, ...rest.timings } }));
        else print(images.length > 1 ? `${image}: ${text}` : text);
      } catch (error) {
        failWith(options, { image }, error); // the others still get their captions; the exit status tells
      }
    }
  });
}
