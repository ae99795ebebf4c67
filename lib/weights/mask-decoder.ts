import { PaliGemmaError } from '../base/errors.js';
import type { CheckpointTensor } from '../checkpoint/checkpoint.js';
import type { TensorName } from '../checkpoint/names.js';
import { readNpz } from '../checkpoint/npz.js';

const CODES = 128;
const WIDTH = 512;
const HIDDEN = 128;

const layer = (name: string, shape: number[], biases: number): [string, number[]][] => [
  [`${name}.weight`, shape],
  [`${name}.bias`, [biases]],
];
const conv = (name: string, out: number, into: number, kernel: number) => layer(name, [out, into, kernel, kernel], out);
const up = (name: string, into: number, out: number) => layer(name, [into, out, 4, 4], out);

/** The arrays of `vae-oid.npz` that decode a mask, with their shapes (PyTorch's order). */
const ARRAYS: [string, number[]][] = [
  ['_vq_vae._embedding', [CODES, WIDTH]],
  ...conv('decoder.0', HIDDEN, WIDTH, 1),
  ...['decoder.2.net', 'decoder.3.net'].flatMap((block) => [
    ...conv(`${block}.0`, HIDDEN, HIDDEN, 3),
    ...conv(`${block}.2`, HIDDEN, HIDDEN, 3),
    ...conv(`${block}.4`, HIDDEN, HIDDEN, 1),
  ]),
  ...up('decoder.4', HIDDEN, 128),
  ...up('decoder.6', 128, 64),
  ...up('decoder.8', 64, 32),
  ...up('decoder.10', 32, 16),
  ...conv('decoder.12', 1, 16, 1),
];

/** The tensors of the mask decoder as they stand in mmproj.gguf: under their own names, `mask.` in front, float32. */
export const maskTensors = (): TensorName[] =>
  ARRAYS.map(([name, shape]) => ({ checkpoint: name, gguf: `mask.${name}`, shape, kind: 'exact', add: 0 }));

/**
 * Finds the mask decoder in a file in the layout of big_vision's `vae-oid.npz`. Arrays of the encoder are passed over.
 * @throws PaliGemmaError ERR_MODEL_NOT_FOUND or ERR_INVALID_MODEL
 */
export async function readMaskDecoder(file: string): Promise<CheckpointTensor[]> {
  const names = new Set(ARRAYS.map(([name]) => name));
  const arrays = await readNpz(file, (name) => names.has(name));
  return maskTensors().map((tensor) => {
    const stored = arrays.get(tensor.checkpoint);
    if (stored?.shape.join() !== tensor.shape.join())
      throw new PaliGemmaError(
        'ERR_INVALID_MODEL',
        `${file} is no mask decoder: ${tensor.checkpoint} is ${stored ? `[${stored.shape}]` : 'missing'}, expected [${tensor.shape}]`,
      );
    return { ...tensor, stored };
  });
}
