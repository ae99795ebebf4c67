#!/usr/bin/env node
// Mixed load on two engines, one in this process and one in a process of its own: pictures of random sizes, all tasks, aborts, 1 to
// 64 requests in flight. Computations fail on purpose now and then, the own process ends inside ggml or is killed. Every answer must
// be the one that the same request gets alone, every failure one that was made, and memory must not grow.
//
//   node bench/soak.mjs [--minutes 10] [--model FOLDER] [--seed 1]        (build the package first; Linux)
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { PaliGemma } from '../dist/index.js';
import { enginePid } from './engine-process.mjs';
import { PICTURES } from './pictures.mjs';

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

const pictures = [];
for (let i = 0; i < 40; i++) {
  const resized = sharp(path.join(ROOT, 'examples', 'images', pick(PICTURES))).resize(
    16 + random(900),
    16 + random(900),
    {
      fit: 'fill',
    },
  );
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
const generations = Array.from({ length: 100 }, () => {
  const request = {
    prompt: pick(prompts),
    images: Array.from({ length: pick([0, 1, 1, 1, 1, 1, 2, 3]) }, () => pick(pictures)),
    maxTokens: 1 + random(60),
    ...pick([{}, {}, {}, {}, {}, { numBeams: 2 }, { temperature: 1.5, seed: random(1000) }]),
  };
  return {
    drawn: request.temperature !== undefined,
    ask: async (model, signal) => (await model.generate({ ...request, signal })).tokens.join(),
  };
});
const questions = [
  { task: 'caption' },
  { task: 'read' },
  { task: 'answer', question: 'how many dogs are there?' },
  { task: 'detect', labels: 'owl ; cat' },
  { task: 'segment', labels: 'dog ; owl' },
];
const tasks = Array.from({ length: 40 }, () => {
  const item = { image: pick(pictures), ...pick(questions) };
  return {
    drawn: false,
    async ask(model, signal) {
      const { text, objects = [] } = await model.ask(item, {}, signal);
      // Scores are probabilities, whose last bits depend on what else is computed.
      return JSON.stringify({ text, objects: objects.map(({ score: _, ...found }) => found) });
    },
  };
});
const kinds = [...generations, ...tasks];

/** Failures on purpose, see native/base/faults.h; what would end the process only where it is not this one. */
const FAULTS =
  'prefix:error:/1511,encode:memory:/701,encode:error:/907,decode:memory:/1013,decode:error:/1301,masks:error:/211';
const load = (faults, how) => {
  process.env.PALIGEMMA_FAULTS = faults;
  return PaliGemma.load(options.model, how);
};

const alone = await load('', { maxSequences: 1, featureCache: 0, isolated: true });
const expected = [];
for (const kind of kinds) expected.push(await kind.ask(alone));
await alone.dispose();

const plain = await load(FAULTS, { featureCache: 4 });
await plain.generate({ prompt: 'caption en' }); // this process reads once what is to fail
const isolated = await load(`${FAULTS},decode:abort:/20011`, { featureCache: 4, isolated: true });
const models = { plain, isolated };
const count = () => ({ answered: 0, drawn: 0, different: 0, aborted: 0, failedOnPurpose: 0, died: 0, unexpected: 0 });
const counts = { plain: count(), isolated: count() };

async function one(where) {
  const i = random(kinds.length);
  const abort = new AbortController();
  const timer = random(5) === 0 ? setTimeout(() => abort.abort(new Error('gone')), random(120)) : undefined;
  const counted = counts[where];
  try {
    const answer = await kinds[i].ask(models[where], abort.signal);
    counted.answered++;
    if (answer === expected[i]) return;
    // A draw turns on the last bits of a probability, which depend on what else is computed.
    if (kinds[i].drawn) counted.drawn++;
    else counted.different++;
  } catch (error) {
    if (error.message === 'gone') counted.aborted++;
    else if (error.code === 'ERR_OUT_OF_MEMORY' || /on purpose|llama_decode/.test(error.message))
      counted.failedOnPurpose++;
    else if (error.code === 'ERR_ENGINE_DIED' && where === 'isolated') counted.died++;
    else {
      counted.unexpected++;
      console.error(error);
    }
  } finally {
    clearTimeout(timer);
  }
}

function residentMB(pid) {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1000);
  } catch {
    return undefined;
  }
}

const started = performance.now();
const end = started + Number(options.minutes) * 60_000;
const memory = [];
const sampling = setInterval(() => {
  const minute = Math.round((performance.now() - started) / 6000) / 10;
  memory.push({ minute, host: residentMB(process.pid), child: residentMB(enginePid()) });
}, 5000);
let kills = 0;
const killing = setInterval(() => {
  try {
    process.kill(enginePid(), 'SIGKILL');
    kills++;
  } catch {} // it is being started anew
}, 47_000);
while (performance.now() < end) {
  await Promise.all(
    Array.from({ length: 1 + random(64) }, async (_, i) => {
      for (let k = 0; k < 4; k++) await one(i % 2 ? 'isolated' : 'plain');
    }),
  );
}
clearInterval(sampling);
clearInterval(killing);
await Promise.all(Object.values(models).map((model) => model.dispose()));

const middle = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const hosts = memory.map(({ host }) => host);
const quarter = Math.max(hosts.length >> 2, 1);
const growth = middle(hosts.slice(-quarter)) - middle(hosts.slice(quarter, 2 * quarter));
const sampled = memory.filter((_, i) => i % Math.max(Math.floor(memory.length / 12), 1) === 0);
console.log(
  JSON.stringify(
    {
      minutes: Number(options.minutes),
      seed: Number(options.seed),
      kills,
      ...counts,
      growthMB: growth,
      memoryMB: sampled,
    },
    null,
    2,
  ),
);
const wrong = Object.values(counts).reduce((sum, { different, unexpected }) => sum + different + unexpected, 0);
process.exitCode = wrong > 0 || growth > 40 ? 1 : 0;
