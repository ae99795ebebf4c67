// What a model takes in a form that nobody has made yet.
import type { Hyperparameters } from '../checkpoint/config.js';
import { textTensors, visionTensors } from '../checkpoint/names.js';
import { product } from '../checkpoint/stored-tensor.js';
import type { Planned } from '../engine/plan.js';
import { maskTensors } from './mask-decoder.js';
import type { Quantization, VisionQuantization } from './quantization.js';
import { plannedBytes, textLayout, visionLayout } from './tensor-plan.js';

/** Of a token in the text file: its text with a length of eight bytes, its score and its type. */
const TOKEN_BYTES = 8 + 8 + 4 + 4;

export interface Estimate extends Planned {
  parameters: number;
  /** Of both files. */
  fileBytes: number;
}

/** A model with these sizes and types, as `convert` would write it. @param vocabulary rows of the embedding table */
export function estimate(
  hyperparameters: Hyperparameters,
  vocabulary: number,
  quantization: Quantization,
  visionQuantization: VisionQuantization,
  maskDecoder = false,
): Estimate {
  const text = textTensors(hyperparameters, vocabulary);
  const vision = visionTensors(hyperparameters);
  const weightBytes =
    plannedBytes(textLayout(hyperparameters, text, quantization)) +
    plannedBytes(visionLayout(hyperparameters, [...vision, ...(maskDecoder ? maskTensors() : [])], visionQuantization));
  return {
    name: 'the model',
    hyperparameters,
    vocabulary,
    textType: quantization,
    parameters: [...text, ...vision].reduce((sum, { shape }) => sum + product(shape), 0),
    weightBytes,
    fileBytes: weightBytes + vocabulary * TOKEN_BYTES,
  };
}
