#!/usr/bin/env node
// What the host does for a picture: everything from its resized bytes to text but computing. The addon is built so that the
// processor computes nothing (PALIGEMMA_NULL_DEVICE) and copies nothing within a device; what is left is processor time of the
// event loop and of the engine's thread.
//
//   node bench/host.mjs MODEL_FOLDER [--in-flight 64] [--requests 1280] [--max-tokens 20] [--rounds 5]
//
// MODEL_FOLDER: a converted model, such as `paligemma bench --random 3b-224 --keep MODEL_FOLDER` leaves. Its weights are only read.
// Prints milliseconds of one core a picture, medians over the rounds: for captions of --max-tokens tokens, and for the detection of
// one object (in such a build every model answers with one). Beside it, what decoding and resizing JPEG pictures of 0.3, 2 and 12
// megapixels takes of a core.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'in-flight': { type: 'string', default: '64' },
    requests: { type: 'string', default: '1280' },
    'max-tokens': { type: 'string', default: '20' },
    rounds: { type: 'string', default: '5' },
  },
});
const [folder] = positionals;
if (!folder) {
  console.error('usage: host.mjs MODEL_FOLDER [--in-flight N] [--requests N] [--max-tokens N] [--rounds N]');
  process.exit(2);
}

const NULL = path.join(ROOT, 'build', 'null');
if (process.env.NODE_PALIGEMMA_PREBUILD !== NULL) {
  const { buildNative } = await import('../scripts/build.mjs');
  buildNative(new Set(['--cpu']), path.join(NULL, 'build'), { PALIGEMMA_NULL_DEVICE: 'ON' });
  const env = { ...process.env, NODE_PALIGEMMA_PREBUILD: NULL };
  process.exit(spawnSync(process.execPath, process.argv.slice(1), { stdio: 'inherit', env }).status ?? 1);
}

// Batches as large as on a card.
const addon = createRequire(import.meta.url)('node-gyp-build')(ROOT);
addon.Model = class extends addon.Model {
  constructor(planned, onEvent) {
    super({ ...planned, batchTokens: 8192, visionBatchTokens: 8192 }, onEvent);
  }
};
const { PaliGemma } = await import('../dist/index.js');
const inFlight = Number(options['in-flight']);
const requests = Number(options.requests);
const maxTokens = Number(options['max-tokens']);
const model = await PaliGemma.load(folder, { maxSequences: inFlight, featureCache: 0, threads: 1 });
const { imageSize } = model.info;

/** Pictures of the model's size, which need no resizing. */
const pictures = Array.from({ length: 32 }, (_, seed) => {
  const data = new Uint8Array(imageSize * imageSize * 3);
  for (let i = 0; i < data.length; i++) data[i] = (i * (seed + 7)) & 255;
  return { data, width: imageSize, height: imageSize, channels: 3 };
});

async function run(ask) {
  let next = 0;
  const one = async () => {
    while (next < requests) await ask(pictures[next++ % pictures.length]);
  };
  await Promise.all(Array.from({ length: inFlight }, one));
}

let tokens = 0;
let asked = 0;
const TASKS = {
  caption: (picture) => model.caption(picture, { maxTokens }),
  detect: async (picture) => {
    const { usage } = await model.run('detect', picture, { labels: 'cat' });
    tokens += usage.newTokens;
    asked++;
  },
};
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const result = { machine: os.cpus()[0]?.model.trim(), imageSize, inFlight, requests };
for (const [name, ask] of Object.entries(TASKS)) {
  await run(ask); // buffers are as large as they get
  const spent = { all: [], user: [], system: [] };
  for (let round = 0; round < Number(options.rounds); round++) {
    const before = process.cpuUsage();
    await run(ask);
    const { user, system } = process.cpuUsage(before);
    spent.user.push(user / 1000 / requests);
    spent.system.push(system / 1000 / requests);
    spent.all.push((user + system) / 1000 / requests);
  }
  result[name] = Object.fromEntries(
    Object.entries(spent).map(([part, values]) => [part, Number(median(values).toFixed(3))]),
  );
}
result.detect.tokens = tokens / asked;

// Colours in soft blocks, which compress as a photograph does: 2 bits a pixel.
const jpeg = (width, height) =>
  sharp(Buffer.from(Array.from({ length: (width >> 3) * (height >> 3) * 3 }, () => Math.random() * 256)), {
    raw: { width: width >> 3, height: height >> 3, channels: 3 },
  })
    .resize(width, height)
    .jpeg({ quality: 90 })
    .toBuffer();
result.decode = [];
for (const [width, height] of [
  [640, 480],
  [1600, 1200],
  [4000, 3000],
]) {
  const photo = await jpeg(width, height);
  const count = Math.ceil(1e8 / (width * height));
  const before = process.cpuUsage();
  for (let i = 0; i < count; i++) await model.generate({ prompt: 'caption en', images: [photo], maxTokens: 1 });
  const { user, system } = process.cpuUsage(before);
  const each = (user + system) / 1000 / count - result.caption.all;
  result.decode.push({ width, height, bytes: photo.length, milliseconds: Number(each.toFixed(1)) });
}
await model.dispose();
console.log(JSON.stringify(result, undefined, 1));
