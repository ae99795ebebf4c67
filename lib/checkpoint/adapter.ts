// LoRA adapters as peft saves them: adapter_config.json and adapter_model.safetensors. W becomes W + scale * B A
// (arXiv 2106.09685), scale = alpha / r, for rsLoRA alpha / sqrt(r) (arXiv 2312.03732).
import { existsSync } from 'node:fs';
import path from 'node:path';
import { PaliGemmaError, show } from '../base/errors.js';
import type { Checkpoint, CheckpointTensor } from './checkpoint.js';
import { readOptionalJson } from './json-file.js';
import { canonicalName, HEAD } from './names.js';
import { readSafetensors } from './safetensors.js';
import { type LowRank, product, type StoredTensor, type View } from './stored-tensor.js';

type Json = Record<string, unknown>;

const invalid = (message: string) => new PaliGemmaError('ERR_INVALID_MODEL', message);
const unsupported = (message: string) => new PaliGemmaError('ERR_UNSUPPORTED_MODEL', message);

/** `lora_A`, `lora_B` of linear layers, `lora_embedding_A`, `lora_embedding_B` of the embedding table; a name may follow. */
const FACTOR = /^(.+)\.lora_(embedding_)?([AB])(?:\.[^.]+)??(?:\.weight)?$/;

interface Factors {
  module: string;
  embedding: boolean;
  A?: StoredTensor;
  B?: StoredTensor;
}

/**
 * The checkpoint with an adapter's matrices to be added while it is converted, and with the tensors that the adapter brings
 * whole (`modules_to_save`, biases) in place of its own.
 * @throws PaliGemmaError ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL (another model's adapter, wrong shapes) or
 *   ERR_UNSUPPORTED_MODEL (other kinds of adapters)
 */
export async function applyAdapter(checkpoint: Checkpoint, folder: string): Promise<Checkpoint> {
  const config = await readOptionalJson(path.join(folder, 'adapter_config.json'));
  const file = path.join(folder, 'adapter_model.safetensors');
  if (!config || !existsSync(file))
    throw new PaliGemmaError(
      'ERR_MODEL_NOT_FOUND',
      `no adapter in ${folder}: adapter_config.json and adapter_model.safetensors are needed`,
    );
  checkConfig(config);

  const tensors = new Map(
    [...checkpoint.text, ...checkpoint.vision].map((tensor) => [tensor.checkpoint, { ...tensor }]),
  );
  const factors = new Map<string, Factors>();
  for (const [key, stored] of await readSafetensors(file)) {
    const name = key.replace(/^base_model\.model\./, '');
    const factor = FACTOR.exec(name);
    if (!factor) {
      replace(tensors, name, stored);
      continue;
    }
    const [, module, embedding, side] = factor as unknown as [string, string, string | undefined, 'A' | 'B'];
    const entry = factors.get(module) ?? { module, embedding: embedding !== undefined };
    factors.set(module, { ...entry, [side]: stored });
  }
  for (const entry of factors.values()) {
    const target = find(tensors, `${entry.module}.weight`);
    target.lowRank = [...(target.lowRank ?? []), lowRank(entry, target, config)];
  }
  const changed = (list: CheckpointTensor[]) =>
    list.map((tensor) => tensors.get(tensor.checkpoint) as CheckpointTensor);
  return { ...checkpoint, text: changed(checkpoint.text), vision: changed(checkpoint.vision) };
}

function checkConfig(config: Json): void {
  if (config.peft_type !== 'LORA')
    throw unsupported(`adapter_config.json: peft_type is ${show(config.peft_type)}; supported: "LORA"`);
  for (const key of ['use_dora', 'use_qalora', 'use_bdlora', 'fan_in_fan_out', 'lora_bias'])
    if (config[key] === true)
      throw unsupported(`adapter_config.json: ${key} adapters cannot be merged; plain LoRA and rsLoRA can`);
  for (const key of ['layer_replication', 'alora_invocation_tokens', 'target_parameters', 'trainable_token_indices'])
    if (config[key] !== undefined && config[key] !== null && !(Array.isArray(config[key]) && config[key].length === 0))
      throw unsupported(`adapter_config.json: ${key} cannot be merged; plain LoRA and rsLoRA can`);
}

function find(tensors: Map<string, CheckpointTensor>, name: string): CheckpointTensor {
  const canonical = canonicalName(name);
  if (canonical === HEAD)
    throw unsupported('the adapter changes the output matrix (lm_head), which PaliGemma ties to its embedding table');
  const tensor = tensors.get(canonical ?? '');
  if (!tensor)
    throw invalid(`the adapter changes ${name}, which this model does not have: it belongs to another model`);
  return tensor;
}

/** Tensors saved whole beside the factors, such as a trained projector. */
function replace(tensors: Map<string, CheckpointTensor>, key: string, stored: StoredTensor): void {
  if (/lora_magnitude_vector/.test(key)) throw unsupported('DoRA adapters cannot be merged; plain LoRA and rsLoRA can');
  const tensor = find(tensors, key.replace(/\.(modules_to_save(\.[^.]+)?|base_layer)(?=\.)/, ''));
  if (stored.shape.join() !== tensor.shape.join()) throw otherShape(key, stored.shape, tensor);
  tensor.stored = stored;
}

const otherShape = (key: string, shape: number[], tensor: CheckpointTensor) =>
  invalid(`the adapter's ${key} is [${shape}], ${tensor.checkpoint} [${tensor.shape}]: it belongs to another model`);

/** A stored `[rows, ...]` tensor as a matrix, and the same turned over. */
const straight = (rows: number, columns: number): View => ({ rows: [[rows, columns]], columns: [[columns, 1]] });
const turned = (rows: number, columns: number): View => ({ rows: [[columns, 1]], columns: [[rows, columns]] });

function lowRank({ module, embedding, A, B }: Factors, target: CheckpointTensor, config: Json): LowRank {
  if (!A || !B) throw invalid(`the adapter has only one of the two factors of ${module}`);
  const rank = A.shape[0] as number;
  const inputs = product(A.shape.slice(1)); // a convolution's kernel counts as one axis
  const [outputs, inner] = [B.shape[0] as number, product(B.shape.slice(1))];
  const [rows, columns] = [target.shape[0] as number, product(target.shape.slice(1))];
  const fits = embedding ? outputs === columns && inputs === rows : outputs === rows && inputs === columns;
  if (inner !== rank || !fits) throw otherShape(`${module} factors`, [outputs, inner, inputs], target);
  // Linear: B [outputs, r] A [r, inputs]. Embedding: (B [width, r] A [r, tokens]) turned over.
  const [left, right] = embedding
    ? [
        { ...A, view: turned(rank, inputs) },
        { ...B, view: turned(outputs, rank) },
      ]
    : [
        { ...B, view: straight(outputs, rank) },
        { ...A, view: straight(rank, inputs) },
      ];
  return { left, right, scale: scaleOf(module, rank, config) };
}

function scaleOf(module: string, rank: number, config: Json): number {
  const r = pattern(config.rank_pattern, module) ?? config.r;
  const alpha = pattern(config.alpha_pattern, module) ?? config.lora_alpha;
  if (typeof r !== 'number' || r < 1 || typeof alpha !== 'number' || !Number.isFinite(alpha))
    throw invalid(`adapter_config.json: r is ${show(r)} and lora_alpha ${show(alpha)} for ${module}; expected numbers`);
  if (r !== rank) throw invalid(`adapter_config.json says rank ${r} for ${module}, its factors have rank ${rank}`);
  return alpha / (config.use_rslora === true ? Math.sqrt(r) : r);
}

/** peft matches these keys as regular expressions against the end of a module's name. */
function pattern(patterns: unknown, module: string): unknown {
  for (const [key, value] of Object.entries((patterns ?? {}) as Json)) {
    const plain = key.replace(/^\^/, '');
    if (!/^[\w.]+$/.test(plain))
      throw unsupported(`adapter_config.json: the pattern ${show(key)} is not a module's name`);
    if (module === plain || (plain === key && module.endsWith(`.${plain}`))) return value;
  }
  return undefined;
}
