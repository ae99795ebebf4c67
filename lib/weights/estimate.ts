// What a model takes in a form that nobody has made yet.
import type { Hyperparameters } from '../checkpoint/config.js';
import { type TensorName, textTensors, visionTensors } from '../checkpoint/names.js';
import { product } from '../checkpoint/stored-tensor.js';
import { maskTensors } from './mask-decoder.js';
import type { Planned } from './model-folder.js';
import type { Quantization, VisionQuantization } from './quantization.js';
import { plannedBytes, textLayout, visionLayout } from './tensor-plan.js';

/** Of a token in the text file: its text with a length of eight bytes, its score and its type. */
const TOKEN_BYTES = 8 + 8 + 4 + 4;

export interface Estimate extends Planned {
  parameters: number;
  /** Of both files. */
  fileBytes: number;
}

/** Text models are the same whatever the image's size, and have hundreds of tensors. */
const known = new Map<string, number>();

function textBytes(h: Hyperparameters, tensors: TensorName[], quantization: Quantization): number {
  const key = JSON.stringify([h.architecture, h.text, tensors[0]?.shape, quantization]);
  const bytes = known.get(key) ?? plannedBytes(textLayout(h, tensors, quantization));
  known.set(key, bytes);
  return bytes;
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
    textBytes(hyperparameters, text, quantization) +
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
