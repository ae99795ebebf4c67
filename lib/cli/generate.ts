import type { Command } from 'commander';
import { type CommonOptions, errorObject, fail, loadModel, modelCommand, print } from './common.js';

interface Options extends CommonOptions {
  prompt: string;
  temperature?: number;
  topK?: number;
  topP?: number;
  seed?: number;
}

export function generateCommand(): Command {
  return modelCommand('generate')
    .description('answer a prompt about one or several images (or none)')
    .argument('[image...]', 'paths or URLs, all for the one prompt')
    .requiredOption('--prompt <text>', 'the prompt, such as "caption en" or "detect cat ; dog"')
    .option('--temperature <t>', '0 is greedy (default)', Number)
    .option('--top-k <n>', 'draw from the n most probable tokens', Number)
    .option('--top-p <share>', 'draw from the tokens that hold this share of probability', Number)
    .option('--seed <n>', 'of the draws', Number)
    .action(run);
}

async function run(images: string[], options: Options): Promise<void> {
  const { prompt, maxTokens, temperature, topK, topP, seed } = options;
  const request = { prompt, images, maxTokens, temperature, topK, topP, seed };
  const { model, loadMs } = await loadModel(options);
  try {
    if (options.json) {
      const { text, ...rest } = await model.generate(request);
      print(JSON.stringify({ images, prompt, text, ...rest, timings: { load: loadMs, ...rest.timings } }));
    } else {
      for await (const text of model.stream(request)) process.stdout.write(text);
      print('');
    }
  } catch (error) {
    if (options.json) print(JSON.stringify({ images, prompt, error: errorObject(error) }));
    fail(error);
  } finally {
    await model.dispose();
  }
}
