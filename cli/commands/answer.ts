import type { Command } from 'commander';
import { type CommonOptions, failWith, modelCommand, print, withModel } from './common.js';

interface Options extends CommonOptions {
  question: string;
  language?: string;
}

export function answerCommand(): Command {
  return modelCommand('answer')
    .description('answer a question about one or several images')
    .argument('<image...>', 'paths or URLs, all for the one question')
    .requiredOption('--question <text>', 'the question')
    .option('--language <code>', 'language of the question and the answer (default: en)')
    .action(run);
}

async function run(images: string[], options: Options): Promise<void> {
  const { question, language, maxTokens } = options;
  await withModel(options, async (model) => {
    try {
      const text = await model.answer(images, question, { language, maxTokens });
      print(options.json ? JSON.stringify({ images, question, text }) : text);
    } catch (error) {
      failWith(options, { images, question }, error);
    }
  });
}
