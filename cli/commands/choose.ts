import type { Command } from 'commander';
import { type CommonOptions, collect, failWith, modelCommand, print, remark, withModel } from './common.js';

interface Options extends CommonOptions {
  question: string;
  choice: string[];
  context?: string;
  score?: boolean;
}

export function chooseCommand(): Command {
  return modelCommand('choose')
    .description('answer a multiple-choice question, with or without an image')
    .argument('[image]', 'path or URL')
    .requiredOption('--question <text>', 'the question')
    .requiredOption('--choice <text>', 'an answer to choose from; give two or more', collect)
    .option('--context <text>', 'what helps to answer')
    .option('--score', 'give the probability of every choice')
    .action(run);
}

async function run(image: string | undefined, options: Options): Promise<void> {
  const { question, choice: choices, context, score, maxTokens } = options;
  await withModel(options, async (model) => {
    try {
      const chosen = await model.choose(image ?? null, { question, choices, context }, { score, maxTokens });
      if (options.json) print(JSON.stringify({ image, question, ...chosen }));
      else if (chosen.index === null) remark(`The answer names none of the choices: ${chosen.answer}`);
      else print(`${chosen.letter}  ${chosen.text}`);
      if (!options.json)
        for (const [i, p] of (chosen.probabilities ?? []).entries()) print(`${(p * 100).toFixed(1)} %  ${choices[i]}`);
    } catch (error) {
      failWith(options, { image, question }, error);
    }
  });
}
