// Damaged model folders: judged by their headers, and those that pass loaded and asked.
import fs from 'node:fs';
import path from 'node:path';
import { convert, modelInfo } from '../../../dist/index.js';
import { loadAndAsk } from '../ask.mjs';
import { copyGguf, readGguf, writeGguf } from '../gguf.mjs';
import { damageFile, damageParts } from '../gguf-damage.mjs';
import { allow } from '../outcome.mjs';
import { EMBEDDED, EMOJI, REFERENCE } from '../places.mjs';

const FILES = ['model.gguf', 'mmproj.gguf'];
/** Random models of both architectures, in types that have blocks and in such that have none; one with a mask decoder. */
const RANDOM = [
  { source: 'pg1-random', quantization: 'f32', visionQuantization: 'f32' },
  { source: 'pg1-random', quantization: 'q4_0', visionQuantization: 'q4_0' },
  { source: 'pg2-random', quantization: 'q8_0', visionQuantization: 'q8_0' },
  { source: 'pg2-random', quantization: 'bf16', maskDecoder: path.join(EMOJI, 'vae-emoji.npz') },
];
const nameOf = ({ source, quantization }) => `${source}-${quantization}`;

/** Megabytes that a process with a damaged model of 16 MB may come to. */
export const memoryLimit = 1500;
/** A process for each that is loaded. */
export const separate = true;

export async function prepare(folder) {
  for (const { source, ...options } of RANDOM)
    await convert(path.join(REFERENCE, source), path.join(folder, nameOf({ source, ...options })), options);
}

/** The models to damage, each read when it is first asked for. */
export function open(folder) {
  const names = ['emoji', ...RANDOM.map(nameOf)];
  const found = new Map();
  const read = (i) => {
    const model = i === 0 ? EMBEDDED : path.join(folder, names[i]);
    const files = Object.fromEntries(FILES.map((name) => [name, fs.readFileSync(path.join(model, name))]));
    return { name: names[i], files, parts: (name) => readGguf(files[name]) };
  };
  return {
    count: names.length,
    model(i) {
      if (!found.has(i)) found.set(i, read(i));
      return found.get(i);
    },
  };
}

export const whole = ({ count, model }) =>
  Array.from({ length: count }, (_, i) => ({ files: model(i).files, what: model(i).name }));

/** Half of the cases are the embedded model's. */
export function damage(random, { count, model }) {
  const base = random.chance(0.5) ? 0 : 1 + random.below(count - 1);
  const another = () => model((base + 1 + random.below(count - 1)) % count);
  const name = random.pick(FILES);
  const { files: sound, parts, name: title } = model(base);
  const files = { ...sound };
  const seed = random.below(1000);
  const kind = random.weighted([
    [2, 'mix'],
    [22, 'bytes'],
    [76, 'parts'],
  ]);
  let what;
  if (kind === 'mix') {
    const [other, source] = [another(), random.pick(FILES)];
    files[name] = other.files[source];
    what = `${source} of ${other.name}`;
  } else if (kind === 'bytes') {
    const damaged = damageFile(random, sound[name], sound[name].length - parts(name).data.length);
    files[name] = damaged.bytes;
    what = damaged.what;
  } else {
    const file = copyGguf(parts(name));
    what = damageParts(random, file, () => another().parts(name));
    files[name] = writeGguf(file);
  }
  return { files, what: `${title}, ${name}: ${what}`, seed };
}

export const judge = (folder) => allow(['ERR_INVALID_MODEL', 'ERR_UNSUPPORTED_MODEL'], () => modelInfo(folder));

export const use = (folder, { seed = 0 }) => loadAndAsk(folder, seed);
