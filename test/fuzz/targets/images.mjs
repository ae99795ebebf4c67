// Damaged pictures, asked about as bytes, as a file and as a Blob; after each a good one is answered as ever.
import fs from 'node:fs';
import path from 'node:path';
import { openModel } from '../batching.mjs';
import { allow } from '../outcome.mjs';
import { damagePicture, makePictures } from '../pictures.mjs';

/** A picture may have 179 megapixels, which take 537 MB as pixels. */
export const memoryLimit = 1500;

export async function prepare(folder) {
  for (const [name, bytes] of await makePictures()) fs.writeFileSync(path.join(folder, name), bytes);
}

export function open(folder) {
  const names = fs.readdirSync(folder).filter((name) => /\.(jpg|png|webp|avif|gif|tif)$/.test(name));
  return { ready: undefined, pictures: names.sort().map((name) => [name, fs.readFileSync(path.join(folder, name))]) };
}

export const whole = ({ pictures }) =>
  pictures.map(([name, bytes]) => ({ files: { [name]: bytes }, name, form: 'bytes', what: name }));

export function damage(random, { pictures }) {
  const [name, picture] = random.pick(pictures);
  const { bytes, what } = damagePicture(random, name, picture, random.pick(pictures)[1]);
  return { files: { [name]: bytes }, name, form: random.pick(['bytes', 'file', 'blob']), what: `${name}: ${what}` };
}

export async function use(folder, { name, form }, context) {
  context.ready ??= await openModel();
  const { model, stillAnswers } = context.ready;
  const file = path.join(folder, name);
  const input = { file: () => file, bytes: () => fs.readFileSync(file), blob: () => new Blob([fs.readFileSync(file)]) };
  try {
    await allow(['ERR_INVALID_IMAGE'], () => model.caption(input[form](), { maxTokens: 2 }));
  } finally {
    await stillAnswers();
  }
}
