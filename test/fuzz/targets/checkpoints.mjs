// Damaged Hugging Face checkpoints and adapters, to be converted.
import fs from 'node:fs';
import path from 'node:path';
import { damageBytes } from '../bytes.mjs';
import { tryToConvert } from '../converting.mjs';
import { damageJson, damageNumber } from '../json.mjs';
import { REFERENCE } from '../places.mjs';
import { damageSafetensors } from '../safetensors.mjs';
import { damageSentencePiece } from '../sentencepiece.mjs';

const BASES = [
  { name: 'pg1-random' },
  { name: 'pg2-random' },
  { name: 'pg1-random-published-keys' },
  { name: 'pg1-random', without: ['tokenizer.model'] },
  { name: 'pg1-random', adapter: 'variants/pg1-lora' },
];

const filesOf = (folder, prefix, without = []) =>
  Object.fromEntries(
    fs
      .readdirSync(folder)
      .filter(
        (name) => !without.includes(name) && fs.statSync(path.join(folder, name)).isFile() && !/^expected/.test(name),
      )
      .map((name) => [`${prefix}/${name}`, fs.readFileSync(path.join(folder, name))]),
  );

export const memoryLimit = 1500;

export const open = () =>
  BASES.map(({ name, without, adapter }) => ({
    what: [name, ...(without ?? []).map((file) => `without ${file}`), ...(adapter ? [adapter] : [])].join(' '),
    files: {
      ...filesOf(path.join(REFERENCE, name), 'source', without),
      ...(adapter ? filesOf(path.join(REFERENCE, adapter), 'adapter') : {}),
    },
    adapter: adapter !== undefined,
  }));

const planOf = (quantization, base) => ({ quantization, adapter: base.adapter, keeps: false, asks: true, seed: 0 });

export const whole = (bases) => bases.map((base) => ({ ...base, ...planOf('f16', base) }));

const QUANTIZATIONS = ['f32', 'f16', 'f16', 'bf16', 'q8_0', 'q4_0'];

/** Weights, configuration and tokenizer are damaged more often than what is only looked into. */
const WEIGHT = [
  [/adapter.*safetensors$/, 12],
  [/adapter_config/, 8],
  [/safetensors$/, 10],
  [/\/config\.json$/, 10],
  [/index\.json$/, 8],
  [/tokenizer\.(json|model)$/, 5],
  [/./, 2],
];

export function damage(random, bases) {
  const base = random.pick(bases);
  const name = random.weighted(
    Object.keys(base.files).map((file) => [WEIGHT.find(([pattern]) => pattern.test(file))[1], file]),
  );
  const files = { ...base.files };
  const plan = planOf(random.pick(QUANTIZATIONS), base);
  plan.keeps = random.chance(0.3);
  plan.asks = random.chance(0.4);
  plan.seed = random.below(1000);
  const kind = random.weighted([
    [80, 'content'],
    [4, 'bytes'],
    [4, 'gone'],
    [2, 'empty'],
    [2, 'a folder'],
    [8, 'of another checkpoint'],
  ]);
  let what = kind;
  if (kind === 'content') ({ bytes: files[name], what } = damageContent(random, name, files[name]));
  else if (kind === 'bytes') ({ bytes: files[name], what } = damageBytes(random, files[name]));
  else if (kind === 'gone') delete files[name];
  else if (kind === 'empty') files[name] = Buffer.alloc(0);
  else if (kind === 'a folder') files[name] = null;
  else {
    const other = random.pick(bases.filter(({ files: theirs }) => theirs[name]));
    what = `as in ${other.what}`;
    files[name] = other.files[name];
  }
  // A file may be missing, or be said to be elsewhere.
  return {
    files,
    what: `${base.what}, ${name}: ${what}`,
    ...plan,
    missing: kind === 'gone' || name.endsWith('index.json'),
  };
}

function damageContent(random, name, bytes) {
  if (name.endsWith('.safetensors')) return damageSafetensors(random, bytes);
  if (name.endsWith('.model')) return damageSentencePiece(random, bytes);
  return random.chance(name.includes('config') ? 0.5 : 0) ? damageNumber(random, bytes) : damageJson(random, bytes);
}

export function use(folder, { quantization, adapter, missing, ...plan }) {
  const codes = ['ERR_INVALID_MODEL', 'ERR_UNSUPPORTED_MODEL', ...(missing ? ['ERR_MODEL_NOT_FOUND'] : [])];
  const options = { quantization, ...(adapter ? { adapter: path.join(folder, 'adapter') } : {}) };
  return tryToConvert(path.join(folder, 'source'), path.join(folder, 'target'), codes, { options, ...plan });
}
