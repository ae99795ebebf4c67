import type { Hyperparameters } from './config.js';
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
