import type { Command } from 'commander';
import { type CommonOptions, failWith, modelCommand, picturesOf, print, withModel } from './common.js';

interface Options extends CommonOptions {
  prompt: string;
  answer: string;
}

export function scoreCommand(): Command {
  return modelCommand('score')
    .description('tell how probable a given answer is')
    .argument('[image...]', 'paths or URLs, all for the one prompt; - is standard input')
    .requiredOption('--prompt <text>', 'the prompt, such as "caption en"')
    .requiredOption('--answer <text>', 'the answer to score')
    .action(run);
}

async function run(images: string[], options: Options): Promise<void> {
  const { prompt, answer } = options;
  await withModel(options, async (model) => {
    try {
      const { logprob, tokens } = await model.score({ prompt, images: await picturesOf(images), answer });
      if (options.json) print(JSON.stringify({ images, prompt, answer, logprob, tokens }));
      else print(`log-probability ${logprob.toFixed(4)} (probability ${Math.exp(logprob).toPrecision(3)})`);
    } catch (error) {
      failWith(options, { images, prompt, answer }, error);
    }
  });
}
