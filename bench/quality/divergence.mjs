#!/usr/bin/env node
// How far each quantization moves the next token's distribution from float32's, what it weighs and how fast it is.
//
//   node bench/quality/divergence.mjs CHECKPOINT WORK_FOLDER [--images FOLDER] [--limit N] [--types f16,bf16,...]
//
// Every prompt with every image (the first N pairs of them) gives one distribution, at the end of the prefix. Printed: the
// Kullback-Leibler divergence D(float32 || type) in nats, mean and largest; how often the most probable token is the same;
// bytes of weights; a process' largest resident set; milliseconds of one image, prefix and token (medians). Each type runs in
// a process of its own. `text/vision` names a pair of types; a single one has its default vision tower. Build the package first.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { convert, modelInfo, PaliGemma } = await import(path.join(ROOT, 'dist', 'index.js'));
const TYPES = 'f16,bf16,q8_0,q6_k,q5_k_m,q4_k_m,q4_0';
const PROMPTS = [
  'caption en',
  'caption es',
  'answer en what is in the image?',
  'answer en how many dogs are there?',
  'answer en what color is the background?',
  'detect dog ; cat',
  'segment cat',
  'ocr',
];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: 'string', default: path.join(ROOT, 'examples', 'images') },
    limit: { type: 'string', default: '1000' },
    types: { type: 'string', default: TYPES },
    measure: { type: 'string' }, // internal: the folder of a model to measure in this process
  },
});
const [checkpoint, work] = positionals;

function* pairs() {
  const images = fs.readdirSync(options.images).filter((name) => /\.(png|jpe?g)$/.test(name));
  let left = Number(options.limit);
  for (const prompt of PROMPTS)
    for (const image of images) if (left-- > 0) yield { prompt, images: [path.join(options.images, image)] };
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

async function measure(folder) {
  const model = await PaliGemma.load(folder);
  const out = fs.openSync(path.join(folder, 'logits.f32'), 'w');
  for (const request of pairs()) fs.writeSync(out, (await model.trace(request)).logits);
  fs.closeSync(out);
  const runs = [];
  for (const request of [...pairs()].slice(0, 3)) {
    const { timings, usage } = await model.generate({ ...request, maxTokens: 20 });
    runs.push([timings.vision, timings.prefill, timings.decode / Math.max(usage.newTokens - 1, 1)]);
  }
  const [vision, prefill, token] = [0, 1, 2].map((i) => median(runs.map((run) => run[i])));
  await model.dispose();
  console.log(JSON.stringify({ vision, prefill, token, resident: process.resourceUsage().maxRSS * 1024 }));
}

async function run(type) {
  const folder = path.join(work, type.replace('/', '-'));
  const [quantization, visionQuantization] = type.split('/');
  await convert(checkpoint, folder, { quantization, ...(visionQuantization ? { visionQuantization } : {}) });
  const args = [
    fileURLToPath(import.meta.url),
    '--measure',
    folder,
    '--images',
    options.images,
    '--limit',
    options.limit,
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const bytes = fs.readFileSync(path.join(folder, 'logits.f32'));
  const info = await modelInfo(folder);
  fs.rmSync(folder, { recursive: true });
  return {
    ...JSON.parse(stdout),
    vocabulary: info.vocabulary,
    weights: info.memory.weights,
    vision_: info.visionQuantization,
    logits: new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4),
  };
}

/** Natural logarithms of the probabilities. */
function logSoftmax(logits) {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of logits) largest = Math.max(largest, value);
  let sum = 0;
  for (const value of logits) sum += Math.exp(value - largest);
  const shift = largest + Math.log(sum);
  return Float64Array.from(logits, (value) => value - shift);
}

const best = (logits) => logits.reduce((at, value, i) => (value > logits[at] ? i : at), 0);

function compare(exact, found) {
  const rows = exact.logits.length / exact.vocabulary;
  const divergences = [];
  let same = 0;
  for (let row = 0; row < rows; row++) {
    const cut = ({ logits }) => logits.subarray(row * exact.vocabulary, (row + 1) * exact.vocabulary);
    const [p, q] = [logSoftmax(cut(exact)), logSoftmax(cut(found))];
    divergences.push(p.reduce((sum, value, i) => sum + Math.exp(value) * (value - q[i]), 0));
    if (best(p) === best(q)) same++;
  }
  return {
    rows,
    mean: divergences.reduce((sum, value) => sum + value, 0) / rows,
    largest: Math.max(...divergences),
    same: same / rows,
  };
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0);
const milliseconds = (ms) => ms.toFixed(ms < 100 ? 1 : 0);

function line(type, result, comparison) {
  const { mean, largest, same } = comparison;
  const cells = [
    type.includes('/') ? type.replace('/', ' / ') : `${type} / ${result.vision_}`,
    megabytes(result.weights),
    megabytes(result.resident),
    mean.toExponential(1),
    largest.toExponential(1),
    `${(same * 100).toFixed(1)} %`,
    ...[result.vision, result.prefill, result.token].map(milliseconds),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

if (options.measure) {
  await measure(options.measure);
} else if (!checkpoint || !work) {
  console.error('usage: divergence.mjs CHECKPOINT WORK_FOLDER [--images FOLDER] [--limit N] [--types LIST]');
  process.exitCode = 2;
} else {
  fs.mkdirSync(work, { recursive: true });
  const exact = await run('f32');
  console.log(`${path.basename(checkpoint)}: ${exact.logits.length / exact.vocabulary} distributions\n`);
  console.log(
    '| text / vision | weights, MB | resident, MB | KL mean | KL largest | same best token | image, ms | prefix, ms | token, ms |',
  );
  console.log(`|${' --- |'.repeat(9)}`);
  line('f32', exact, compare(exact, exact));
  for (const type of options.types.split(',')) {
    const found = await run(type);
    line(type, found, compare(exact, found));
  }
}
