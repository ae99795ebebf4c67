#!/usr/bin/env node
// How long the event loop is held up while large pictures are worked on: masks as large as the picture, their run-length form,
// a drawing, raw pixels, CMYK. Prints JSON: of each step the longest time between two turns of the loop, the median of rounds;
// and the longest that the thread itself computed between two turns (Linux), which what else the machine does leaves alone.
//
//   node bench/stall.mjs [--size 4000x3000] [--rounds 7] [--root DIR]
//
// --root measures another checkout than this one.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: {
    size: { type: 'string', default: '4000x3000' },
    rounds: { type: 'string', default: '7' },
    root: { type: 'string', default: ROOT },
  },
});
const [width, height] = options.size.split('x').map(Number);
const root = path.resolve(options.root);
const { PaliGemma, draw, encodeMask } = await import(pathToFileURL(path.join(root, 'dist', 'index.js')).href);
const picture = path.join(ROOT, 'examples', 'images', 'owl-and-cat.png');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-stall-'));
const large = sharp(picture).removeAlpha().resize(width, height, { fit: 'fill' });
const photo = path.join(folder, 'photo.jpg');
const cmyk = path.join(folder, 'cmyk.jpg');
await large.clone().jpeg({ quality: 90 }).toFile(photo);
await large.clone().toColourspace('cmyk').jpeg({ quality: 90 }).toFile(cmyk);
const pixels = { data: await large.clone().raw().toBuffer(), width, height, channels: 3 };

const model = await PaliGemma.load(path.join(root, 'models', 'paligemma-emoji-112'));
let segments = [];
const steps = {
  segment: async () => {
    segments = await model.segment(photo, 'owl ; cat');
  },
  encodeMask: async () => {
    for (const { mask } of segments) await encodeMask(mask);
  },
  draw: () => draw(photo, segments),
  rawPixels: () => model.caption(pixels, { maxTokens: 1 }),
  cmyk: () => model.caption(cmyk, { maxTokens: 1 }),
};
const stalls = Object.fromEntries(Object.keys(steps).map((name) => [name, []]));
for (let round = 0; round <= Number(options.rounds); round++)
  for (const [name, step] of Object.entries(steps)) {
    const stall = await longestStall(step);
    if (round > 0) stalls[name].push(stall); // the first one compiles
  }
await model.dispose();
fs.rmSync(folder, { recursive: true });

const median = (values) => Math.round(values.sort((a, b) => a - b)[values.length >> 1] * 10) / 10;
const of = (kind) =>
  Object.fromEntries(Object.entries(stalls).map(([name, found]) => [name, median(found.map((stall) => stall[kind]))]));
console.log(
  JSON.stringify({
    root: path.basename(root),
    processor: os.cpus()[0]?.model,
    size: options.size,
    masks: segments.length,
    longestMilliseconds: of('wall'),
    longestComputedMilliseconds: of('computed'),
  }),
);

/** Milliseconds between two turns of the loop while something is done. */
async function longestStall(step) {
  const worst = { wall: 0, computed: 0 };
  let last = now();
  let on = true;
  const turn = () => {
    const next = now();
    for (const kind of ['wall', 'computed']) worst[kind] = Math.max(worst[kind], next[kind] - last[kind]);
    last = next;
    if (on) setImmediate(turn);
  };
  setImmediate(turn);
  await step();
  on = false;
  turn();
  return worst;
}

function now() {
  const computed =
    process.platform === 'linux'
      ? Number(fs.readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6
      : 0;
  return { wall: performance.now(), computed };
}
