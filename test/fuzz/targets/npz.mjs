// Damaged .npz files: mask decoders, and checkpoints of big_vision's.
import fs from 'node:fs';
import path from 'node:path';
import { tryToConvert } from '../converting.mjs';
import { damageNpz } from '../npz.mjs';
import { EMOJI, REFERENCE } from '../places.mjs';

const CHECKPOINT = path.join(REFERENCE, 'pg1-random');

export const memoryLimit = 1500;

export const open = () => ({
  masks: fs.readFileSync(path.join(EMOJI, 'vae-emoji.npz')),
  weights: fs.readFileSync(path.join(REFERENCE, 'variants', 'pg1-random.npz')),
});

const planOf = (kind, bytes) => ({
  files: { [`${kind}.npz`]: bytes },
  kind,
  quantization: 'f16',
  keeps: false,
  asks: true,
  seed: 1,
});

export const whole = (files) => Object.entries(files).map(([kind, bytes]) => ({ ...planOf(kind, bytes), what: kind }));

export function damage(random, files) {
  const kind = random.pick(['masks', 'weights']);
  const { bytes, what } = damageNpz(random, files[kind], files[kind === 'masks' ? 'weights' : 'masks']);
  return {
    ...planOf(kind, bytes),
    what: `${kind}: ${what}`,
    quantization: random.pick(['f32', 'f16', 'q8_0']),
    keeps: random.chance(0.3),
    asks: random.chance(0.3),
    seed: random.below(1000),
  };
}

export function use(folder, { kind, quantization, ...plan }) {
  const file = path.join(folder, `${kind}.npz`);
  const codes = ['ERR_INVALID_MODEL', 'ERR_UNSUPPORTED_MODEL'];
  const [source, options] = kind === 'masks' ? [CHECKPOINT, { maskDecoder: file }] : [file, { tokenizer: CHECKPOINT }];
  return tryToConvert(source, path.join(folder, 'target'), codes, { options: { ...options, quantization }, ...plan });
}
