// Models of the published sizes with random weights: as large and as fast as the real ones, for benchmarks.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PaliGemmaError, show } from '../base/errors.js';
import type { Checkpoint, CheckpointTensor } from '../checkpoint/checkpoint.js';
import type { Hyperparameters } from '../checkpoint/config.js';
import { type TensorName, textTensors, visionTensors } from '../checkpoint/names.js';
import {
  IMAGE_SIZES,
  PUBLISHED_SIZES,
  publishedShape,
  PUBLISHED_VOCABULARY as VOCABULARY,
} from '../checkpoint/published.js';
import { product, type View } from '../checkpoint/stored-tensor.js';
import { IMAGE, type Token, TokenType } from '../checkpoint/tokenizer.js';
import { type ConvertOptions, convertCheckpoint } from './convert.js';

/** `3b-224`, `pg2-10b-448`, ... */
export function randomSize(name: string): Hyperparameters {
  const [, size, image] = /^(.+)-(\d+)$/.exec(name) ?? [];
  const known = PUBLISHED_SIZES.find((one) => one === size);
  const imageSize = IMAGE_SIZES.find((one) => String(one) === image);
  if (known && imageSize) return publishedShape(known, imageSize);
  throw new PaliGemmaError(
    'ERR_INVALID_ARGUMENT',
    `a random model is one of ${PUBLISHED_SIZES.join(', ')} with a resolution of 224, 448 or 896, such as 3b-224, not ${show(name)}`,
  );
}

/**
 * Writes a model folder with random weights. All tensors are rows of one small pool of normal values, repeated.
 * @param name size and resolution: `3b`, `pg2-3b`, `pg2-10b` or `pg2-28b`, and 224, 448 or 896, as in `3b-224`
 * @param target folder for both files, made where it is not there
 * @param options types as of `convert` (default `f16`), progress in bytes of the files, and a signal
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT for another name or type, ERR_DISK_FULL; the signal's reason when aborted
 */
export async function writeRandomModel(
  name: string,
  target: string,
  options: Pick<ConvertOptions, 'quantization' | 'visionQuantization' | 'onProgress' | 'signal'>,
): Promise<void> {
  const hyperparameters = randomSize(name);
  await mkdir(target, { recursive: true });
  const pool = path.join(target, 'pool.bf16');
  try {
    await writeFile(pool, randomValues());
    const stored = (tensor: TensorName): CheckpointTensor => ({
      ...tensor,
      stored: { path: pool, offset: 0, type: 'bf16', shape: tensor.shape, view: repeated(tensor.shape) },
    });
    const checkpoint: Checkpoint = {
      name: `random-${name}`,
      hyperparameters,
      tokens: tokens(),
      text: textTensors(hyperparameters, VOCABULARY).map(stored),
      vision: visionTensors(hyperparameters).map(stored),
    };
    await convertCheckpoint(checkpoint, target, { ...options, licence: 'none' });
  } finally {
    await rm(pool, { force: true });
  }
}

const POOL_VALUES = 1 << 23;
const DEVIATION = 0.02;

/** Normal values in bfloat16 (Box-Muller over xorshift32), always the same. */
function randomValues(): Buffer {
  let state = 0x9e3779b9;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 1) / 4294967297;
  };
  const floats = Float32Array.from(
    { length: POOL_VALUES },
    () => DEVIATION * Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
  return Buffer.from(Uint16Array.from(new Uint32Array(floats.buffer), (word) => word >>> 16).buffer);
}

/** As many rows as the pool has, over and over: the outer axis goes nowhere. */
function repeated(shape: number[]): View {
  const rows = shape.length < 2 ? 1 : (shape[0] as number);
  const columns = product(shape) / rows;
  const most = Math.min(Math.floor(POOL_VALUES / columns), rows);
  const period = Array.from({ length: most }, (_, i) => most - i).find((n) => rows % n === 0) ?? 1;
  return {
    rows: [
      [rows / period, 0],
      [period, columns],
    ],
    columns: [[columns, 1]],
  };
}

/** Bytes, ASCII, locations and mask codes at their published places; all else unused. */
function tokens(): Token[] {
  const all: Token[] = Array.from({ length: VOCABULARY }, (_, id) => ({
    text: `[PAD${id}]`,
    score: -1e4,
    type: TokenType.unused,
  }));
  const put = (id: number, text: string, type: number) => {
    all[id] = { text, score: -id, type };
  };
  for (const [id, text] of ['<pad>', '<eos>', '<bos>'].entries()) put(id, text, TokenType.control);
  put(3, '<unk>', TokenType.unknown);
  put(108, '\n', TokenType.userDefined);
  for (let byte = 0; byte < 256; byte++)
    put(256 + byte, `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, TokenType.byte);
  for (let code = 33; code < 127; code++) put(1000 + code, String.fromCharCode(code), TokenType.normal);
  put(1000, '\u2581', TokenType.normal);
  for (let i = 0; i < 1024; i++) put(256000 + i, `<loc${String(i).padStart(4, '0')}>`, TokenType.userDefined);
  for (let i = 0; i < 128; i++) put(257024 + i, `<seg${String(i).padStart(3, '0')}>`, TokenType.userDefined);
  put(VOCABULARY - 64, IMAGE, TokenType.control);
  return all;
}
