// Damaged WebDataset tars, as sources of a batch.
import fs from 'node:fs';
import path from 'node:path';
import { batch, openModel } from '../batching.mjs';
import { damageJson } from '../json.mjs';
import { EMOJI } from '../places.mjs';
import { damageTar, wholeTar } from '../tar.mjs';

const SCENES = ['scene-05.png', 'scene-04.jpg', 'scene-07.jpg'];
const FIELDS = {
  id: 7,
  licence: 'cc-by',
  prompt: 'caption en',
  width: 112,
  tags: ['a', 'b'],
  input: { split: 'test' },
};

export const memoryLimit = 1500;

export const open = () => ({
  /** Opened where cases run: those who only make them need no model. */
  ready: undefined,
  content: SCENES.flatMap((name, i) => [
    [`shard/${i}${path.extname(name)}`, fs.readFileSync(path.join(EMOJI, 'scenes', name))],
    [`shard/${i}.json`, Buffer.from(JSON.stringify({ ...FIELDS, number: i }))],
    [`shard/${i}.txt`, Buffer.from('a caption')],
  ]),
});

export const whole = ({ content }) => [
  { files: { 'a.tar': wholeTar(content) }, name: 'a.tar', what: 'a tar', whole: true },
];

export function damage(random, { content }) {
  const { bytes, what, packed } = damageTar(random, content, { json: damageJson });
  const name = packed ? 'a.tar.gz' : 'a.tar';
  return { files: { [name]: bytes }, name, what };
}

export async function use(folder, { name, whole }, context) {
  context.ready ??= await openModel();
  // 3000 files of a damaged tar make at most so many samples, and one for what was there before.
  const answers = await batch(context.ready, path.join(folder, name), {}, 4000);
  if (whole && answers < SCENES.length) throw new Error(`${answers} answers`);
}
