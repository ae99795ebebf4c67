import type { Command } from 'commander';
import { type CommonOptions, failWith, modelCommand, print, withModel } from './common.js';

export function readCommand(): Command {
  return modelCommand('read').description('read the text in an image').argument('<image>', 'path or URL').action(run);
}

async function run(image: string, options: CommonOptions): Promise<void> {
  await withModel(options, async (model) => {
    try {
      const text = await model.read(image, { maxTokens: options.maxTokens });
      print(options.json ? JSON.stringify({ image, text }) : text);
    } catch (error) {
      failWith(options, { image }, error);
    }
  });
}
