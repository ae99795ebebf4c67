// Damaged lists of pictures (.jsonl, .txt), as sources of a batch.
import path from 'node:path';
import { batch, openModel } from '../batching.mjs';
import { damageBytes } from '../bytes.mjs';
import { damageJson, oddValue } from '../json.mjs';
import { EMOJI } from '../places.mjs';
import { oddText } from '../values.mjs';

const scene = (name) => path.join(EMOJI, 'scenes', name);
const ITEMS = [
  { image: scene('scene-05.png'), id: 'first', task: 'caption', language: 'es', note: { a: [1, 2] } },
  { image: scene('scene-04.jpg'), id: 2, task: 'detect', labels: 'owl ; cat' },
  { image: scene('scene-07.jpg'), task: 'segment', labels: ['dog', 'cat'] },
  { image: scene('scene-05.png'), prompt: 'answer en how many?' },
  { image: scene('scene-04.jpg'), question: 'what is it?', task: 'answer' },
];
const FIELDS = [
  'id',
  'image',
  'task',
  'prompt',
  'question',
  'labels',
  'language',
  'text',
  'index',
  'error',
  'objects',
  'source',
  'input',
];
/** No request leaves the machine: nothing listens there. */
const PLACES = [
  'http://127.0.0.1:9/a.png',
  'file:///etc/passwd',
  'file://host/a.png',
  'data:image/png;base64,AAAA',
  'ftp://x/a',
  '.',
  '/',
  '/dev/null',
];

export const memoryLimit = 1500;
export const open = () => ({ ready: undefined });

const lines = ITEMS.map((item) => Buffer.from(JSON.stringify(item)));
const join = (parts) => Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')]));

export const whole = () => [{ files: { 'a.jsonl': join(lines) }, name: 'a.jsonl', what: 'a list', whole: true }];

function field(random, line) {
  const item = JSON.parse(line);
  const name = random.pick(FIELDS);
  const value = name === 'image' && random.chance(0.6) ? random.pick(PLACES) : oddValue(random, item[name]);
  return damageJson(
    random,
    Buffer.from(JSON.stringify({ ...item, [name]: typeof value === 'object' ? null : value })),
    { treeShare: 1 },
  ).bytes;
}

const LINES = {
  json: (random, line) => damageJson(random, line).bytes,
  field,
  bytes: (random, line) => damageBytes(random, line).bytes,
  'a path': (random) => Buffer.from(random.pick([...PLACES, oddText(random, 'a.png'), scene('scene-05.png')])),
  'no text': (random) => random.bytes(random.pick([1, 10, 300])),
  long: (_, line) => Buffer.concat([line.subarray(0, -1), Buffer.from(`,"x":"${'y'.repeat(3_000_000)}"}`)]),
  deep: (_, line) => Buffer.from(line.toString().replace('{', `{"x":${'['.repeat(30_000)}${']'.repeat(30_000)},`)),
};

export function damage(random) {
  const list = [...lines];
  const what = [];
  for (let i = random.pick([1, 2, 3]); i > 0; i--) {
    const how = random.pick(Object.keys(LINES));
    const at = random.below(list.length);
    list[at] = LINES[how](random, lines[at]);
    what.push(`line ${at + 1}: ${how}`);
  }
  let bytes = join(list);
  if (random.chance(0.15)) {
    const damaged = damageBytes(random, bytes);
    bytes = damaged.bytes;
    what.push(damaged.what);
  }
  const name = random.pick(['a.jsonl', 'a.jsonl', 'a.txt', 'a']);
  const task = random.pick([undefined, 'read', 'detect']);
  return {
    files: { [name]: bytes },
    name,
    what: what.join(', '),
    request: task === 'detect' ? { task, labels: 'dog' } : { task },
  };
}

export async function use(folder, { name, request = {}, whole }, context) {
  context.ready ??= await openModel();
  const answers = await batch(context.ready, path.join(folder, name), request, 2000);
  if (whole && answers < ITEMS.length) throw new Error(`${answers} answers`);
}
