// Checkpoints as big_vision stores them: .npz files without a configuration.
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { PaliGemmaError } from '../base/errors.js';
import { Arrays, ATTENTION, BLOCK, locate } from './big-vision-arrays.js';
import type { Checkpoint } from './checkpoint.js';
import { type Hyperparameters, SIGLIP_EPSILON, TEXT_CONSTANTS } from './config.js';
import { textTensors, visionTensors } from './names.js';
import { readNpz } from './npz.js';
import { readTokenizer } from './tokenizer.js';

const PART = /\.npz-(\d{1,5})-of-(\d{1,5})$/;
const isNpz = (name: string): boolean => name.endsWith('.npz') || PART.test(name);
/** Whether an array belongs to the model; trainers store their own state beside it. */
const ARRAY = /^(?:params\/)?((?:img|llm)\/.+)$/;

/** Whether a path is an .npz file, a part of one, or a folder of them without a configuration. */
export function isBigVision(source: string): boolean {
  const found = statSync(source, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found !== undefined && isNpz(source);
  return !existsSync(path.join(source, 'config.json')) && readdirSync(source).some(isNpz);
}

/**
 * Opens a big_vision checkpoint. Sizes come from the arrays' shapes.
 * @param source an .npz file, one part of several (`x.npz-00000-of-00004`), or a folder
 * @param tokenizer folder or file; default: the folder of the weights
 */
export async function openBigVision(source: string, tokenizer?: string): Promise<Checkpoint> {
  const files = npzFiles(source);
  const arrays = new Arrays();
  for (const file of files)
    for (const [name, array] of await readNpz(file, (candidate) => ARRAY.test(candidate)))
      arrays.add((ARRAY.exec(name) as RegExpExecArray)[1] as string, array);

  const hyperparameters = readSizes(arrays);
  const [rows] = arrays.shape('llm/embedder/input_embedding', 2) as [number];
  const checkpoint = {
    name: path.basename(path.resolve(source)).replace(/\.npz(-\d+-of-\d+)?$/, ''),
    hyperparameters,
    tokens: await readTokenizer(tokenizer ?? path.dirname(files[0] as string), rows, true),
    text: textTensors(hyperparameters, rows).map((name) => locate(arrays, name, hyperparameters)),
    vision: visionTensors(hyperparameters).map((name) => locate(arrays, name, hyperparameters)),
  };
  const unused = arrays.unused();
  if (unused !== undefined)
    throw new PaliGemmaError(
      'ERR_UNSUPPORTED_MODEL',
      `the checkpoint has an array that PaliGemma does not have: ${unused}`,
    );
  return checkpoint;
}

function npzFiles(source: string): string[] {
  const part = PART.exec(source);
  if (part) {
    const [suffix, , parts] = part as unknown as [string, string, string];
    const stem = source.slice(0, -suffix.length);
    const files = Array.from(
      { length: Number(parts) },
      (_, i) => `${stem}.npz-${String(i).padStart(parts.length, '0')}-of-${parts}`,
    );
    const missing = files.find((file) => !existsSync(file));
    if (missing !== undefined)
      throw new PaliGemmaError('ERR_MODEL_NOT_FOUND', `a part of the checkpoint is missing: ${missing}`);
    return files;
  }
  if (!statSync(source).isDirectory()) return [source];
  const names = readdirSync(source).filter(isNpz).sort();
  const first = names.find((name) => PART.test(name));
  return first === undefined ? names.map((name) => path.join(source, name)) : npzFiles(path.join(source, first));
}

function readSizes(arrays: Arrays): Hyperparameters {
  const [, textHeads, width, headSize] = arrays.shape('llm/layers/attn/q_einsum/w', 4) as [
    number,
    number,
    number,
    number,
  ];
  const [, , keyValueHeads] = arrays.shape('llm/layers/attn/kv_einsum/w', 5) as [number, number, number];
  const [layers, mlpWidth] = arrays.shape('llm/layers/mlp/linear', 3) as [number, number];
  const [patchSize] = arrays.shape('img/embedding/kernel', 4) as [number];
  const [, patches] = arrays.shape('img/pos_embedding', 3) as [number, number];
  const [visionLayers, visionWidth, visionMlp] = arrays.shape(`${BLOCK}/MlpBlock_0/Dense_0/kernel`, 3) as [
    number,
    number,
    number,
  ];
  const [, , visionHeads] = arrays.shape(`${ATTENTION}/query/kernel`, 4) as [number, number, number];
  const side = Math.sqrt(patches);
  if (!Number.isInteger(side))
    throw new PaliGemmaError('ERR_INVALID_MODEL', `${patches} position embeddings are not those of a square picture`);

  const gemma2 = arrays.has('llm/layers/post_attention_norm/scale');
  // Gemma 2 27B alone scales its queries by its width a head (models/ppp/gemma.py, rsqrt_emb_per_head).
  const queryScalar = layers === 46 && width === 4608 ? width / textHeads : headSize;
  return {
    architecture: gemma2 ? 'gemma2' : 'gemma',
    imageToken: undefined,
    bosToken: 2,
    eosToken: 1,
    padToken: 0,
    text: {
      width,
      layers,
      heads: textHeads,
      keyValueHeads,
      headSize,
      mlpWidth,
      ...TEXT_CONSTANTS.common,
      ...(gemma2 ? { gemma2: { ...TEXT_CONSTANTS.gemma2, attentionScale: queryScalar ** -0.5 } } : {}),
    },
    vision: {
      width: visionWidth,
      layers: visionLayers,
      heads: visionHeads,
      mlpWidth: visionMlp,
      imageSize: side * patchSize,
      patchSize,
      normEpsilon: SIGLIP_EPSILON,
    },
  };
}
