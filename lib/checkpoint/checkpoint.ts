import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { PaliGemmaError } from '../errors.js';
import { isModelFolder } from '../weights/model-folder.js';
import { applyAdapter } from './adapter.js';
import { isBigVision, openBigVision } from './big-vision.js';
import type { Hyperparameters } from './config.js';
import { openHuggingFace } from './huggingface.js';
import type { TensorName } from './names.js';
import type { LowRank, StoredTensor } from './stored-tensor.js';
import type { Token } from './tokenizer.js';

/** A checkpoint's tensor under both its names, with the place of its values. */
export interface CheckpointTensor extends TensorName {
  stored: StoredTensor;
  /** Added to the values: adapters. */
  lowRank?: LowRank[];
}

/** A model before conversion, wherever it comes from. No weights have been read. */
export interface Checkpoint {
  name: string;
  hyperparameters: Hyperparameters;
  tokens: Token[];
  text: CheckpointTensor[];
  vision: CheckpointTensor[];
}

export interface CheckpointOptions {
  /** A folder or a file (`tokenizer.model`, `tokenizer.json`) to take the tokenizer from. Default: beside the weights. */
  tokenizer?: string;
  /** A folder with a LoRA adapter to be merged. */
  adapter?: string;
}

/** Whether a path holds something to convert. */
export const isCheckpoint = (source: string): boolean =>
  existsSync(path.join(source, 'config.json')) || isBigVision(source);

/**
 * Opens a checkpoint: a Hugging Face folder, or big_vision's .npz. Reads configuration, tokenizer and headers, and checks that
 * every tensor is there with its shape.
 * @throws PaliGemmaError ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL or ERR_UNSUPPORTED_MODEL.
 */
export async function openCheckpoint(source: string, options: CheckpointOptions = {}): Promise<Checkpoint> {
  const found = statSync(source, { throwIfNoEntry: false });
  if (!found) throw new PaliGemmaError('ERR_MODEL_NOT_FOUND', `no such folder or file: ${source}`);
  if (isModelFolder(source) && !isCheckpoint(source))
    throw new PaliGemmaError(
      'ERR_UNSUPPORTED_MODEL',
      `${source} is converted already: load it as it is, or convert the checkpoint it was made from`,
    );
  if (existsSync(path.join(source, 'adapter_config.json')) && !isCheckpoint(source))
    throw new PaliGemmaError(
      'ERR_UNSUPPORTED_MODEL',
      `${source} is an adapter: convert the model it was trained on, with the adapter as the option "adapter"`,
    );
  const checkpoint = isBigVision(source)
    ? await openBigVision(source, options.tokenizer)
    : await openHuggingFace(source, options.tokenizer);
  return options.adapter === undefined ? checkpoint : applyAdapter(checkpoint, options.adapter);
}
