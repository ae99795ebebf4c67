import type { Command } from 'commander';
import type { GenerateRequest } from 'node-paligemma';
import {
  type CommonOptions,
  collect,
  failWith,
  modelCommand,
  numeric,
  print,
  samplingOptions,
  withModel,
} from './common.js';

type Options = CommonOptions & Omit<GenerateRequest, 'images' | 'signal'>;

export function generateCommand(): Command {
  return samplingOptions(modelCommand('generate'))
    .description('answer a prompt about one or several images (or none)')
    .argument('[image...]', 'paths or URLs, all for the one prompt')
    .requiredOption('--prompt <text>', 'the prompt, such as "caption en" or "detect cat ; dog"')
    .option('--logprobs <n>', "with --json: each token's log-probability and so many alternatives", numeric)
    .option(
      '--length-penalty <p>',
      'of beam search: divide log-probabilities by length to this power (default: 1)',
      numeric,
    )
    .option('--stop <text>', 'end the answer before this text; may be given several times', collect)
    .action(run);
}

async function run(images: string[], options: Options): Promise<void> {
  const { prompt, maxTokens, temperature, topK, topP, seed, numBeams, lengthPenalty, logprobs, stop } = options;
  const request = { prompt, images, maxTokens, temperature, topK, topP, seed, numBeams, lengthPenalty, logprobs, stop };
  await withModel(options, async (model, load) => {
    try {
      if (options.json) {
        const { text, ...rest } = await model.generate(request);
        print(JSON.stringify({ images, prompt, text, ...rest, timings: { load, ...rest.timings } }));
      } else {
        for await (const text of model.stream(request)) process.stdout.write(text);
        print('');
      }
    } catch (error) {
      failWith(options, { images, prompt }, error);
    }
  });
}
