#!/usr/bin/env node
// How times grow with the work: pictures at once, resolution, length of the answer. Measures with `paligemma bench` and draws
// docs/curves-*.svg.
//
//   node bench/curves/run.mjs WORK_FOLDER [--size 3b] [--quantization q4_0] [--device cpu] [--in-flight 1,2,4,8]
//       [--requests 8] [--name cpu]                                  (build the package first)
//
// Models with random weights are kept in WORK_FOLDER for the next time. Results go to bench/results/NAME.json.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chart } from './chart.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '3b' },
    quantization: { type: 'string', default: 'q4_0' },
    device: { type: 'string', default: 'cpu' },
    'in-flight': { type: 'string', default: '1,2,4,8' },
    requests: { type: 'string', default: '8' },
    name: { type: 'string', default: 'cpu' },
  },
});
const [work] = positionals;
if (!work) {
  console.error(
    'usage: run.mjs WORK_FOLDER [--size 3b] [--quantization q4_0] [--device cpu] [--in-flight LIST] [--name cpu]',
  );
  process.exit(2);
}

function bench(resolution, tokens, concurrency, requests) {
  const model = `${options.size}-${resolution}`;
  const args = ['bench', '--random', model, '--keep', path.join(work, `${model}-${options.quantization}`), '--json'];
  args.push('--quantization', options.quantization, '--device', options.device, '--max-tokens', tokens);
  args.push('--concurrency', concurrency, '--requests', requests);
  console.error(`paligemma ${args.join(' ')}`);
  const stdio = ['ignore', 'pipe', 'ignore'];
  return JSON.parse(
    execFileSync(process.execPath, [path.join(ROOT, 'cli', 'dist', 'cli.js'), ...args.map(String)], {
      encoding: 'utf8',
      stdio,
    }),
  );
}

const atOnce = bench(224, 20, options['in-flight'], options.requests);
const resolutions = [224, 448, 896].map((resolution) => bench(resolution, 2, 1, 1));
const lengths = [1, 10, 20, 50, 100].map((tokens) => bench(224, tokens, 1, 1));

const results = {
  machine: `${os.cpus()[0]?.model.trim()}, ${os.availableParallelism()} processors`,
  atOnce,
  resolutions,
  lengths,
};
fs.mkdirSync(path.join(ROOT, 'bench', 'results'), { recursive: true });
fs.writeFileSync(
  path.join(ROOT, 'bench', 'results', `${options.name}.json`),
  `${JSON.stringify(results, undefined, 1)}\n`,
);

const seconds = (milliseconds) => milliseconds / 1000;
const about = `PaliGemma ${options.size.toUpperCase()}, ${options.quantization}, ${options.device}`;
const draw = (name, options) => fs.writeFileSync(path.join(ROOT, 'docs', `curves-${name}.svg`), chart(options));
draw('in-flight', {
  title: `${about}, 224 px, 20 tokens`,
  x: 'requests in flight',
  y: 'images a second',
  lines: { 'images a second': atOnce.throughput.map((t) => [t.concurrency, t.imagesPerSecond]) },
});
draw('resolution', {
  title: `${about}: until the first token`,
  x: 'resolution (pixels)',
  y: 'seconds',
  lines: {
    'vision tower': resolutions.map(({ imageSize, single }) => [imageSize, seconds(single.vision)]),
    prefix: resolutions.map(({ imageSize, single }) => [imageSize, seconds(single.prefill)]),
    'first token': resolutions.map(({ imageSize, single }) => [imageSize, seconds(single.firstToken)]),
  },
});
draw('length', {
  title: `${about}, 224 px: an answer`,
  x: 'new tokens',
  y: 'seconds',
  lines: { 'whole answer': lengths.map(({ single }) => [single.tokens, seconds(single.total)]) },
});
