import { Command } from 'commander';
import { type LoadOptions, type ModelFile, modelInfo } from 'node-paligemma';
import { EMBEDDED, EMBEDDED_NOTICE, note, print, remark } from './common.js';
import { bytes } from './format.js';
import { sourceOptions } from './source-options.js';

interface Options
  extends Pick<
    LoadOptions,
    'quantization' | 'visionQuantization' | 'adapter' | 'maskDecoder' | 'tokenizer' | 'revision' | 'cacheDir'
  > {
  model?: string;
  json?: boolean;
}

export function infoCommand(): Command {
  return sourceOptions(new Command('info'))
    .description('show what a model holds, without loading it')
    .argument('[model]', 'model folder, embedded, or a hub id that is in the cache (default: the embedded emoji model)')
    .option('--model <path or id>', 'the same as an option')
    .option('--json', 'print JSON')
    .action(run);
}

async function run(argument: string | undefined, { model = argument, json, ...options }: Options): Promise<void> {
  if (model === undefined) remark(EMBEDDED_NOTICE);
  const info = await modelInfo(model ?? EMBEDDED, { ...options, onNotice: note });
  if (json) return print(JSON.stringify(info));
  const [text, vision] = info.files as [ModelFile, ModelFile];
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
    ['text file', contents(text)],
    ['vision file', contents(vision)],
    ['masks', info.maskDecoder ? 'decoder included' : 'no decoder'],
    ['context', `${info.contextTokens} tokens`],
    ['memory', `${bytes(info.memory.weights)} weights + ${bytes(info.memory.cache)} cache`],
    ['licence', info.licence],
  ];
  for (const [name, value] of rows) print(`${name.padEnd(13)} ${value}`);
}

const contents = (file: ModelFile): string =>
  `${bytes(file.bytes)}: ${file.types.map(({ type, tensors, bytes: size }) => `${tensors} x ${type} ${bytes(size)}`).join(', ')}`;
