#!/usr/bin/env node
// How times grow with the work: pictures at once, resolution, length of the answer. Measures with `paligemma bench` and draws
// docs/curves-*.svg.
//
//   node bench/curves/run.mjs WORK_FOLDER [--sizes 3b,pg2-3b] [--quantization q4_0] [--device cpu] [--in-flight 1,4,16]
//       [--requests 16] [--name cpu]                                 (build the package first)
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
    sizes: { type: 'string', default: '3b,pg2-3b' },
    quantization: { type: 'string', default: 'q4_0' },
    device: { type: 'string', default: 'cpu' },
    'in-flight': { type: 'string', default: '1,4,16' },
    requests: { type: 'string', default: '16' },
    name: { type: 'string', default: 'cpu' },
  },
});
const [work] = positionals;
if (!work) {
  console.error(
    'usage: run.mjs WORK_FOLDER [--sizes 3b,pg2-3b] [--quantization q4_0] [--device cpu] [--in-flight LIST] [--name cpu]',
  );
  process.exit(2);
}

function bench(size, resolution, tokens, concurrency, requests) {
  const model = `${size}-${resolution}`;
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

const sizes = options.sizes.split(',');
const measured = sizes.map((size) => ({
  size,
  atOnce: bench(size, 224, 20, options['in-flight'], options.requests),
  resolutions: [224, 448, 896].map((resolution) => bench(size, resolution, 2, 1, 1)),
  lengths: [1, 20, 100].map((tokens) => bench(size, 224, tokens, 1, 1)),
}));
const machine = `${os.cpus()[0]?.model.trim()}, ${os.availableParallelism()} processors`;
const results = { machine, measured };
fs.mkdirSync(path.join(ROOT, 'bench', 'results'), { recursive: true });
fs.writeFileSync(
  path.join(ROOT, 'bench', 'results', `${options.name}.json`),
  `${JSON.stringify(results, undefined, 1)}\n`,
);

const seconds = (milliseconds) => milliseconds / 1000;
const about = `${options.quantization}, ${options.device}`;
const draw = (name, options) => fs.writeFileSync(path.join(ROOT, 'docs', `curves-${name}.svg`), chart(options));
const NAMES = { '3b': 'PaliGemma 3B', 'pg2-3b': 'PaliGemma 2 3B' };
/** A line for each model and each part of its measurements: points [x, y]. */
const lines = (parts) =>
  Object.fromEntries(
    measured.flatMap((one) =>
      Object.entries(parts(one)).map(([part, points]) => [
        `${NAMES[one.size] ?? one.size}${part && `: ${part}`}`,
        points,
      ]),
    ),
  );
draw('in-flight', {
  title: `${about}, 224 px, 20 tokens`,
  x: 'requests in flight',
  y: 'images a second',
  lines: lines(({ atOnce }) => ({ '': atOnce.throughput.map((t) => [t.concurrency, t.imagesPerSecond]) })),
});
draw('resolution', {
  title: `${about}: until the first token`,
  x: 'resolution (pixels)',
  y: 'seconds',
  lines: lines(({ resolutions }) => ({
    'vision tower': resolutions.map(({ imageSize, single }) => [imageSize, seconds(single.vision)]),
    'first token': resolutions.map(({ imageSize, single }) => [imageSize, seconds(single.firstToken)]),
  })),
});
draw('length', {
  title: `${about}, 224 px: an answer`,
  x: 'new tokens',
  y: 'seconds',
  lines: lines(({ lengths }) => ({ '': lengths.map(({ single }) => [single.tokens, seconds(single.total)]) })),
});
