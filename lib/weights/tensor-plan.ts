// What is written for each tensor: its type, its shape when it is padded, its place in the file.

import type { GgufPlan, NativeView } from '../addon/gguf.js';
import { native } from '../addon/native.js';
import type { Checkpoint, CheckpointTensor } from '../checkpoint/checkpoint.js';
import type { Hyperparameters } from '../checkpoint/config.js';
import type { TensorName } from '../checkpoint/names.js';
import { product, type StoredTensor, viewOf } from '../checkpoint/stored-tensor.js';
import { FILE_TYPE, type Quantization, tensorBytes, type VisionQuantization } from './quantization.js';

type TensorPlan = GgufPlan['tensors'][number];

/** A tensor as it is stored: ggml counts the fastest dimension first. */
interface Laid<T> {
  tensor: T;
  shape: number[];
  type: string;
}

const ggmlShape = ({ shape }: TensorName): number[] => shape.toReversed();

/** The order that llama.cpp writes: what belongs to no layer, then layer by layer, by name within each. */
export function inFileOrder<T extends TensorName>(tensors: T[]): T[] {
  const layer = (name: string) => Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1);
  const byName = (a: string, b: string) => (a < b ? -1 : Number(a > b));
  return tensors
    .map((tensor) => ({ tensor, name: tensor.gguf, layer: layer(tensor.gguf) }))
    .sort((a, b) => a.layer - b.layer || byName(a.name, b.name))
    .map(({ tensor }) => tensor);
}

/** The text model's tensors, each in the type that llama.cpp's quantiser would give it. */
export function textLayout<T extends TensorName>(
  h: Hyperparameters,
  tensors: T[],
  quantization: Quantization,
): Laid<T>[] {
  const ordered = inFileOrder(tensors);
  const types = native().tensorTypes(
    { architecture: h.architecture, ...h.text },
    FILE_TYPE[quantization],
    ordered.map((tensor) => ({ name: tensor.gguf, shape: ggmlShape(tensor) })),
  );
  return ordered.map((tensor, i) => ({ tensor, shape: ggmlShape(tensor), type: types[i] as string }));
}

export const planText = ({ hyperparameters, text }: Checkpoint, quantization: Quantization): TensorPlan[] =>
  textLayout(hyperparameters, text, quantization).map(plan);

/** Quantised types come in blocks of 32 values (ggml-common.h). */
const VISION_BLOCK = 32;

/**
 * How wide the vision tower's MLP is stored. SigLIP's 4304 values do not divide into blocks; zeros behind them change nothing,
 * for what they are multiplied with is GELU(0) = 0.
 */
export const storedMlpWidth = (width: number, quantization: VisionQuantization): number =>
  isQuantized(quantization) ? Math.ceil(width / VISION_BLOCK) * VISION_BLOCK : width;

const isQuantized = (type: string): boolean => type.startsWith('q');

/** The vision tower's, the projector's and the mask decoder's tensors. */
export function visionLayout<T extends TensorName>(
  { vision: v }: Hyperparameters,
  tensors: T[],
  quantization: VisionQuantization,
): Laid<T>[] {
  const padded = storedMlpWidth(v.mlpWidth, quantization);
  return inFileOrder(tensors).map((tensor) => {
    const shape = ggmlShape(tensor);
    const axis = mlpAxis(tensor.gguf);
    if (axis !== undefined) shape[axis] = padded;
    return { tensor, shape, type: visionType(tensor, quantization, shape[0] as number) };
  });
}

export const planVision = (
  { hyperparameters }: Checkpoint,
  tensors: CheckpointTensor[],
  quantization: VisionQuantization,
): TensorPlan[] => visionLayout(hyperparameters, tensors, quantization).map(plan);

/** Which dimension (the fastest is 0) counts the MLP's inner values. */
function mlpAxis(name: string): number | undefined {
  if (name.endsWith('.ffn_down.weight') || name.endsWith('.ffn_up.bias')) return 0;
  return name.endsWith('.ffn_up.weight') ? 1 : undefined;
}

/** Rows that do not divide into blocks stay in 16 bits. */
function visionType({ kind }: TensorName, quantization: VisionQuantization, width: number): string {
  if (kind === 'exact') return 'f32';
  return isQuantized(quantization) && width % VISION_BLOCK !== 0 ? 'f16' : quantization;
}

function plan({ tensor, shape, type }: Laid<CheckpointTensor>): TensorPlan {
  return {
    name: tensor.gguf,
    shape,
    type,
    values: nativeView(tensor.stored),
    lowRank: (tensor.lowRank ?? []).map(({ left, right, scale }) => ({
      left: nativeView(left),
      right: nativeView(right),
      scale,
    })),
    add: tensor.add,
  };
}

const nativeView = (stored: StoredTensor): NativeView => ({
  path: stored.path,
  offset: stored.offset,
  type: stored.type,
  ...viewOf(stored),
});

export const plannedBytes = (tensors: Pick<TensorPlan, 'type' | 'shape'>[]): number =>
  tensors.reduce((sum, { type, shape }) => sum + tensorBytes(type, product(shape)), 0);
