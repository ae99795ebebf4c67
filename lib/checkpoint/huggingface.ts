import { existsSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { PaliGemmaError } from '../base/errors.js';
import type { Checkpoint, CheckpointTensor } from './checkpoint.js';
import { readConfig } from './config.js';
import { readOptionalJson } from './json-file.js';
import { canonicalName, HEAD, type TensorName, textTensors, visionTensors } from './names.js';
import { readSafetensors } from './safetensors.js';
import { type StoredTensor, storedBytes } from './stored-tensor.js';
import { readTokenizer } from './tokenizer.js';

const invalid = (message: string) => new PaliGemmaError('ERR_INVALID_MODEL', message);

/**
 * Opens a Hugging Face PaliGemma folder: reads config, tokenizer and tensor headers and checks that every tensor is there
 * with its shape. No weights are read.
 * @throws PaliGemmaError ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL or ERR_UNSUPPORTED_MODEL.
 */
export async function openHuggingFace(folder: string, tokenizer = folder): Promise<Checkpoint> {
  const hyperparameters = readConfig(await readConfigFile(folder));
  checkImageProcessor(await readOptionalJson(path.join(folder, 'preprocessor_config.json')));
  const stored = await readTensors(folder);

  const table = stored.get('language_model.embed_tokens.weight');
  if (table?.shape.length !== 2)
    throw invalid(`no embedding table (language_model.model.embed_tokens.weight) in ${folder}`);
  const rows = table.shape[0] as number;
  await checkHead(stored, table);
  // Before there is a token for each of its rows, the table is known to have the bytes for them.
  const text = pick(stored, textTensors(hyperparameters, rows));
  const checkpoint: Checkpoint = {
    name: path.basename(path.resolve(folder)),
    hyperparameters,
    tokens: await readTokenizer(tokenizer, rows),
    text,
    vision: pick(stored, visionTensors(hyperparameters)),
  };
  const used = new Set([...checkpoint.text, ...checkpoint.vision].map((tensor) => tensor.checkpoint));
  const unknown = [...stored.keys()].filter((name) => !used.has(name));
  if (unknown.length > 0)
    throw new PaliGemmaError(
      'ERR_UNSUPPORTED_MODEL',
      `the checkpoint has ${unknown.length} tensors that PaliGemma does not have, such as ${unknown[0]}`,
    );
  return checkpoint;
}

/** A head of its own would be lost: llama.cpp's Gemma has none. */
async function checkHead(stored: Map<string, StoredTensor>, table: StoredTensor): Promise<void> {
  const head = stored.get(HEAD);
  if (!head) return;
  if (head.type !== table.type || head.shape.join() !== table.shape.join() || !(await sameBytes(head, table)))
    throw new PaliGemmaError(
      'ERR_UNSUPPORTED_MODEL',
      'the checkpoint has an output matrix (lm_head) of its own; PaliGemma ties it to its embedding table',
    );
  stored.delete(HEAD);
}

async function sameBytes(a: StoredTensor, b: StoredTensor): Promise<boolean> {
  const files = [await open(a.path, 'r'), await open(b.path, 'r')] as const;
  try {
    const size = storedBytes(a);
    const blocks = [Buffer.alloc(1 << 22), Buffer.alloc(1 << 22)] as const;
    for (let done = 0; done < size; done += 1 << 22) {
      const length = Math.min(1 << 22, size - done);
      await files[0].read(blocks[0], 0, length, a.offset + done);
      await files[1].read(blocks[1], 0, length, b.offset + done);
      if (!blocks[0].subarray(0, length).equals(blocks[1].subarray(0, length))) return false;
    }
    return true;
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

async function readConfigFile(folder: string): Promise<Record<string, unknown>> {
  const config = await readOptionalJson(path.join(folder, 'config.json'));
  if (!config)
    throw new PaliGemmaError(
      'ERR_MODEL_NOT_FOUND',
      `no config.json in ${folder}: expected a Hugging Face checkpoint folder`,
    );
  return config;
}

/** The preprocessing is fixed (bicubic to a square, x / 127.5 - 1); a model trained with another one would be given wrong pixels. */
function checkImageProcessor(config: Record<string, unknown> | undefined): void {
  const expected: [string, unknown][] = [
    ['image_mean', [0.5, 0.5, 0.5]],
    ['image_std', [0.5, 0.5, 0.5]],
    ['resample', 3],
  ];
  for (const [key, value] of expected) {
    if (config?.[key] !== undefined && config[key] !== null && JSON.stringify(config[key]) !== JSON.stringify(value))
      throw new PaliGemmaError(
        'ERR_UNSUPPORTED_MODEL',
        `preprocessor_config.json: ${key} is ${JSON.stringify(config[key])}, PaliGemma has ${JSON.stringify(value)}`,
      );
  }
}

/** All tensors by canonical name, from one file or from the shards of an index. */
async function readTensors(folder: string): Promise<Map<string, StoredTensor>> {
  const tensors = new Map<string, StoredTensor>();
  for (const file of await shardFiles(folder)) {
    for (const [key, tensor] of await readSafetensors(file)) {
      const name = canonicalName(key);
      if (!name) continue;
      if (tensors.has(name)) throw invalid(`tensor ${name} is there twice, the second time in ${path.basename(file)}`);
      tensors.set(name, tensor);
    }
  }
  return tensors;
}

async function shardFiles(folder: string): Promise<string[]> {
  const index = await readOptionalJson(path.join(folder, 'model.safetensors.index.json'));
  const names = index
    ? [...new Set(Object.values((index.weight_map ?? {}) as Record<string, unknown>).map(String))]
    : (await readdir(folder)).filter((name) => name === 'model.safetensors');
  if (names.length === 0) throw new PaliGemmaError('ERR_MODEL_NOT_FOUND', `no model.safetensors in ${folder}`);
  return names.map((name) => {
    const file = path.join(folder, path.basename(name)); // an index must not lead out of its folder
    if (!existsSync(file))
      throw new PaliGemmaError('ERR_MODEL_NOT_FOUND', `${name} is named in the index but is not in ${folder}`);
    return file;
  });
}

function pick(stored: Map<string, StoredTensor>, names: TensorName[]): CheckpointTensor[] {
  return names.map((name) => {
    const tensor = stored.get(name.checkpoint);
    if (!tensor) throw invalid(`the checkpoint has no tensor ${name.checkpoint}`);
    if (tensor.shape.join() !== name.shape.join())
      throw invalid(
        `${path.basename(tensor.path)}: tensor ${name.checkpoint} is [${tensor.shape}], config.json asks for [${name.shape}]`,
      );
    return { ...name, stored: tensor };
  });
}
