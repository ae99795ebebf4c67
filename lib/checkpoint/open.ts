import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { PaliGemmaError, reasonOf } from '../base/errors.js';
import { applyAdapter } from './adapter.js';
import { isBigVision, openBigVision } from './big-vision.js';
import type { Checkpoint } from './checkpoint.js';
import { openHuggingFace } from './huggingface.js';

export interface CheckpointOptions {
  /** A folder or a file (`tokenizer.model`, `tokenizer.json`) to take the tokenizer from. Default: beside the weights. */
  tokenizer?: string;
  /** A folder with a LoRA adapter to be merged. */
  adapter?: string;
}

/** Whether a path holds something to convert. GGUF files count as converted, whatever lies beside them but safetensors. */
export function isCheckpoint(source: string): boolean {
  if (!statSync(source, { throwIfNoEntry: false })?.isDirectory()) return isBigVision(source);
  const names = readdirSync(source);
  const ending = (extension: string) => names.some((name) => name.endsWith(extension));
  if (names.includes('config.json')) return ending('.safetensors') || !ending('.gguf');
  return !ending('.gguf') && isBigVision(source);
}

/**
 * Opens a checkpoint: a Hugging Face folder, or big_vision's .npz. Reads configuration, tokenizer and headers, and checks that
 * every tensor is there with its shape.
 * @throws PaliGemmaError ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL or ERR_UNSUPPORTED_MODEL.
 */
export async function openCheckpoint(source: string, options: CheckpointOptions = {}): Promise<Checkpoint> {
  try {
    return await openAny(source, options);
  } catch (error) {
    if (error instanceof PaliGemmaError) throw error;
    // A folder in place of a file, one that must not be read, a disk that fails.
    throw new PaliGemmaError('ERR_INVALID_MODEL', `${source} cannot be read: ${reasonOf(error)}`, { cause: error });
  }
}

async function openAny(source: string, options: CheckpointOptions): Promise<Checkpoint> {
  const found = statSync(source, { throwIfNoEntry: false });
  if (!found) throw new PaliGemmaError('ERR_MODEL_NOT_FOUND', `no such folder or file: ${source}`);
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
