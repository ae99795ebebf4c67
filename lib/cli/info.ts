import { Command } from 'commander';
import { modelInfo } from '../info.js';
import { EMBEDDED_NOTICE, print, remark } from './common.js';
import { bytes } from './format.js';

export function infoCommand(): Command {
  return new Command('info')
    .description('show what a model folder holds, without loading it')
    .argument('[model]', 'model folder (default: the embedded emoji model)')
    .option('--model <path>', 'the same as an option')
    .option('--json', 'print JSON')
    .action(run);
}

async function run(model: string | undefined, options: { model?: string; json?: boolean }): Promise<void> {
  const folder = model ?? options.model;
  if (folder === undefined) remark(EMBEDDED_NOTICE);
  const info = await modelInfo(folder);
  if (options.json) return print(JSON.stringify(info));
  const rows: [string, string][] = [
    ['name', info.name],
    ['path', info.path],
    [
      'architecture',
      info.architecture === 'paligemma' ? 'PaliGemma 1 (SigLIP + Gemma)' : 'PaliGemma 2 (SigLIP + Gemma 2)',
    ],
    ['parameters', `${(info.parameters / 1e6).toFixed(1)} million`],
    ['image', `${info.imageSize} x ${info.imageSize} pixels, ${info.imageTokens} tokens`],
    ['text model', `${info.layers} layers, ${info.width} wide, ${info.vocabulary} tokens`],
    ['quantization', `text ${info.quantization}, vision ${info.visionQuantization}`],
    ['context', `${info.contextTokens} tokens`],
    ['memory', `${bytes(info.memory.weights)} weights + ${bytes(info.memory.cache)} cache`],
    ['licence', info.licence],
  ];
  for (const [name, value] of rows) print(`${name.padEnd(13)} ${value}`);
}
