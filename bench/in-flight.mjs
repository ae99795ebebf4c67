#!/usr/bin/env node
// What a model takes on a device, one request at a time and many at once, without what comes before: pictures have their final
// size already, and the engine runs in this process. `paligemma bench` is what a user gets.
//
//   node bench/in-flight.mjs MODEL_FOLDER DEVICE IN_FLIGHT[,IN_FLIGHT...] [--requests N] [--tokens 20]
//
// Prints JSON: times in milliseconds, of requests together means. `processors`: how many were busy on average.
import { parseArgs } from 'node:util';
import { PaliGemma } from '../dist/index.js';
import { noise } from './pictures.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { requests: { type: 'string' }, tokens: { type: 'string', default: '20' } },
});
const [folder, device, list] = positionals;
if (!list) {
  console.error('usage: in-flight.mjs MODEL_FOLDER DEVICE IN_FLIGHT[,IN_FLIGHT...] [--requests N] [--tokens 20]');
  process.exit(2);
}
const flights = list.split(',').map(Number);
const maxTokens = Number(options.tokens);

const started = performance.now();
const model = await PaliGemma.load(folder, { device, featureCache: 0, maxSequences: Math.max(...flights) });
const load = performance.now() - started;

const pictures = Array.from({ length: 64 }, (_, seed) => noise(model.info.imageSize, seed));
const ask = (i) => model.generate({ prompt: 'caption en', images: [pictures[i % pictures.length]], maxTokens });

const PARTS = ['image', 'queue', 'vision', 'prefill', 'decode', 'total'];
const means = (answers) =>
  Object.fromEntries(
    PARTS.map((part) => [part, answers.reduce((sum, { timings }) => sum + timings[part], 0) / answers.length]),
  );

async function together(inFlight, count) {
  const answers = [];
  let next = 0;
  const one = async () => {
    while (next < count) answers.push(await ask(next++));
  };
  const [before, begin] = [process.cpuUsage(), performance.now()];
  await Promise.all(Array.from({ length: inFlight }, one));
  const ms = performance.now() - begin;
  const { user, system } = process.cpuUsage(before);
  const rate = { imagesPerSecond: (count * 1000) / ms, processors: (user + system) / 1000 / ms };
  return { inFlight, count, ms, ...rate, ...means(answers) };
}

const cold = performance.now();
await ask(0);
const first = performance.now() - cold;
const alone = [];
for (let i = 1; i <= 5; i++) alone.push(await ask(i));
const single = alone.toSorted((a, b) => a.timings.total - b.timings.total)[2].timings;

const runs = [];
for (const inFlight of flights) {
  await together(inFlight, inFlight); // graphs and buffers for so many
  runs.push(await together(inFlight, Number(options.requests ?? inFlight * 4)));
}
console.log(JSON.stringify({ device: model.info.device, type: model.info.quantization, load, first, single, runs }));
await model.dispose();
