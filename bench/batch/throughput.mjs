#!/usr/bin/env node
// A batch from files to JSONL against the engine alone on pixels that are ready: how much reading, decoding, resizing and writing
// cost. One after the other, several times in turn; and the memory of the batch as it goes on.
//
//   node bench/batch/scenes.mjs /tmp/scenes && node bench/batch/throughput.mjs /tmp/scenes [--rounds 3] [--ready 2000]
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { PaliGemma } from '../../dist/index.js';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '3' },
    ready: { type: 'string', default: '2000' },
    model: { type: 'string', default: path.join(ROOT, 'models', 'paligemma-emoji-112') },
  },
});
const [scenes] = positionals;
const files = fs
  .readdirSync(scenes, { recursive: true })
  .filter((name) => name.endsWith('.png'))
  .sort()
  .map((name) => path.join(scenes, name));

const rates = { engine: [], batch: [] };
let last;
for (let round = 0; round < Number(options.rounds); round++) {
  rates.engine.push(await engineAlone());
  last = await batch();
  rates.batch.push(last.imagesPerSecond);
  console.error(`engine ${rates.engine.at(-1).toFixed(1)}, batch ${last.imagesPerSecond} images/s`);
}
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
console.log(
  JSON.stringify({
    images: files.length,
    engineImagesPerSecond: median(rates.engine),
    batchImagesPerSecond: median(rates.batch),
    share: median(rates.batch) / median(rates.engine),
    milliseconds: last.milliseconds,
    residentMegabytes: last.resident,
  }),
);

/** As many at a time as a batch has, all pixels decoded before. */
async function engineAlone() {
  const model = await PaliGemma.load(options.model);
  const step = Math.max(1, Math.floor(files.length / Number(options.ready)));
  const ready = [];
  for (let i = 0; i < files.length && ready.length < Number(options.ready); i += step) {
    const { data, info } = await sharp(files[i]).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    ready.push({ data, width: info.width, height: info.height, channels: 3 });
  }
  await Promise.all(ready.slice(0, 64).map((image) => model.encode(image))); // warm, of which the features are remembered
  const images = ready.slice(64);
  const started = performance.now();
  let next = 0;
  const one = async () => {
    while (next < images.length) await model.caption(images[next++]);
  };
  await Promise.all(Array.from({ length: model.concurrency }, one));
  const rate = images.length / ((performance.now() - started) / 1000);
  await model.dispose();
  return rate;
}

/** The command line's own summary, and what was resident at each tenth of the time. */
async function batch() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-batch-'));
  const args = ['batch', scenes, '--model', options.model, '--output', path.join(folder, 'out.jsonl'), '--json'];
  const child = spawn(process.execPath, [path.join(ROOT, 'cli', 'dist', 'cli.js'), ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const resident = [];
  const timer = setInterval(() => {
    const status = fs.readFileSync(`/proc/${child.pid}/status`, 'utf8');
    resident.push(Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024));
  }, 500);
  let out = '';
  for await (const chunk of child.stdout) out += chunk;
  clearInterval(timer);
  const lines = fs.readFileSync(path.join(folder, 'out.jsonl'), 'utf8').trim().split('\n');
  if (new Set(lines.map((line) => JSON.parse(line).id)).size !== files.length)
    throw new Error('the output is not whole');
  fs.rmSync(folder, { recursive: true });
  const tenths = Array.from({ length: 10 }, (_, i) => resident[Math.floor(((i + 1) / 10) * resident.length) - 1]);
  return { ...JSON.parse(out), resident: tenths };
}
