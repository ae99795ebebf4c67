#!/usr/bin/env node
// Mixed load: pictures of random sizes, all tasks, aborts, 1 to 64 requests in flight. Every answer must be the one that the same
// request gets alone, nothing may fail, and memory must not grow.
//
//   node bench/soak.mjs [--minutes 10] [--model FOLDER] [--seed 1]        (build the package first)
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { PaliGemma } from '../dist/index.js';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    model: { type: 'string', default: path.join(ROOT, 'models', 'paligemma-emoji-112') },
    seed: { type: 'string', default: '1' },
  },
});

let state = Number(options.seed) || 1;
function random(below) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}
const pick = (list) => list[random(list.length)];

const names = [
  'owl-and-cat.png',
  'dog.jpg',
  'fish-and-cow.png',
  'penguins.jpg',
  'rabbit-and-doughnut.png',
  'book-and-pig.jpg',
];
const pictures = [];
for (let i = 0; i < 40; i++) {
  const resized = sharp(path.join(ROOT, 'examples', 'images', pick(names))).resize(16 + random(900), 16 + random(900), {
    fit: 'fill',
  });
  pictures.push(await (random(2) ? resized.png() : resized.jpeg()).toBuffer());
}
const prompts = [
  'caption en',
  'caption es',
  'cap de',
  'ocr',
  'answer en how many dogs are there?',
  'detect owl ; cat',
  'segment dog',
  '',
];
const kinds = Array.from({ length: 120 }, () => ({
  prompt: pick(prompts),
  images: Array.from({ length: pick([0, 1, 1, 1, 1, 1, 2, 3]) }, () => pick(pictures)),
  maxTokens: 1 + random(60),
  ...pick([{}, {}, {}, {}, {}, { numBeams: 2 }, { temperature: 1.5, seed: random(1000) }]),
}));

async function alone() {
  const model = await PaliGemma.load(options.model, { maxSequences: 1, featureCache: 0 });
  const answers = [];
  for (const kind of kinds) answers.push((await model.generate(kind)).tokens.join());
  await model.dispose();
  return answers;
}

const megabytes = () => Math.round(process.memoryUsage.rss() / 1e6);
const expected = await alone();
const model = await PaliGemma.load(options.model, { featureCache: 4 });
const counts = { answered: 0, aborted: 0, different: 0, drawn: 0, failed: 0 };
const end = performance.now() + Number(options.minutes) * 60_000;

async function one() {
  const i = random(kinds.length);
  const abort = new AbortController();
  const timer = random(5) === 0 ? setTimeout(() => abort.abort(new Error('gone')), random(120)) : undefined;
  try {
    const { tokens } = await model.generate({ ...kinds[i], signal: abort.signal });
    counts.answered++;
    if (tokens.join() === expected[i]) return;
    // A draw turns on the last bits of a probability, which depend on what else is computed.
    if (kinds[i].temperature) counts.drawn++;
    else counts.different++;
  } catch (error) {
    if (error.message === 'gone') counts.aborted++;
    else {
      counts.failed++;
      console.error(error);
    }
  } finally {
    clearTimeout(timer);
  }
}

const memory = [];
for (let round = 0; performance.now() < end; round++) {
  const inFlight = 1 + random(64);
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      for (let i = 0; i < 4; i++) await one();
    }),
  );
  if (round % 10 === 0) memory.push(megabytes());
}
await model.dispose();
const sampled = memory.filter((_, i) => i % Math.max(Math.floor(memory.length / 12), 1) === 0);
console.log(JSON.stringify({ ...counts, residentMB: sampled }));
process.exitCode = counts.failed + counts.different > 0 ? 1 : 0;
