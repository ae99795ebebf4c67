#!/usr/bin/env node
// All that is to be known of a graphics card, in one command:
//
//   node bench/card.mjs WORK_FOLDER [--part parity,speed,peers,profile] [--device cuda] [--checkpoint FOLDER] [--python python3]
//
// Builds the backend for this machine's card unless the addon has it. Then, part by part, each in less than ten minutes:
//   parity   the reference fixtures and the emoji model (jest, device 'auto'); a full-size model in f16 and bf16 against the processor
//   speed    loading, one picture, 16 to 256 in flight at 224 and 448 pixels; detection and segmentation (emoji model)
//   peers    transformers in bfloat16 on the same weights: eager and with a static cache, which it compiles
//   profile  where the time of a batch goes: Nsight Systems where it is installed, else the engine's own clock
// Results are added to bench/results/CARD.json after each part, and bench/results/CARD.md is written anew from all of them.
// WORK_FOLDER keeps models (20 GB) for the next part. Without --checkpoint it gets one of full size with random weights.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cardPage } from './card-page.mjs';
import { noise } from './pictures.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    part: { type: 'string', default: 'parity,speed,peers,profile' },
    device: { type: 'string', default: 'cuda' },
    checkpoint: { type: 'string' },
    python: { type: 'string', default: 'python3' },
  },
});
const PARTS = { parity, speed, peers, profile };
const [work] = positionals;
const parts = options.part.split(',');
if (!work || parts.some((part) => !Object.hasOwn(PARTS, part))) {
  console.error(
    'usage: card.mjs WORK_FOLDER [--part parity,speed,peers,profile] [--device cuda] [--checkpoint FOLDER]',
  );
  process.exit(2);
}
fs.mkdirSync(work, { recursive: true });

const CLI = path.join(ROOT, 'cli', 'dist', 'cli.js');
const say = (text) => console.error(`[${new Date().toISOString().slice(11, 19)}] ${text}`);

function run(command, args, { read = false } = {}) {
  say([path.basename(command), ...args].join(' '));
  const stdio = read ? ['ignore', 'pipe', 'inherit'] : ['ignore', 2, 'inherit'];
  const { status, stdout, error } = spawnSync(command, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    stdio,
  });
  if (error || status !== 0) throw new Error(`${args[0]} ended with ${error?.message ?? `status ${status}`}`);
  return stdout;
}
const node = (args, how) => run(process.execPath, args, how);
const lastJson = (text) => JSON.parse(text.slice(text.indexOf('{')));

/** Builds what is missing; returns the card. */
async function prepare() {
  const list = () => JSON.parse(node([CLI, 'doctor', '--json'], { read: true })).devices ?? [];
  const wanted = () =>
    list().find(({ device }) => device === options.device || device.startsWith(`${options.device}:`));
  if (options.device !== 'cpu' && !wanted()) node(['scripts/build.mjs', `--${options.device}`]);
  const card = wanted();
  if (!card) throw new Error(`no ${options.device} device is there`);
  return card;
}

function checkpoint() {
  const folder = options.checkpoint ?? path.join(work, 'checkpoint');
  if (!fs.existsSync(folder)) node(['bench/conversion/make-checkpoint.mjs', '3b', folder]);
  return folder;
}

async function converted(type) {
  const { convert } = await import('../dist/index.js');
  const folder = path.join(work, type);
  if (!fs.existsSync(path.join(folder, 'model.gguf'))) await convert(checkpoint(), folder, { quantization: type });
  return folder;
}

// ---- the parts

async function parity() {
  const report = path.join(work, 'jest.json');
  const suites = ['reference', 'emoji', 'emoji-tasks', 'batching'].map((name) => `test/${name}.test.ts`);
  fs.rmSync(report, { force: true });
  const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', '--json', `--outputFile=${report}`];
  try {
    node([...jest, ...suites]);
  } catch (error) {
    if (!fs.existsSync(report)) throw error; // else tests failed, which is a result
  }
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(fs.readFileSync(report, 'utf8'));
  const failed = testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
  );
  const tests = { passed: numPassedTests, failed: numFailedTests, names: failed };
  const { PaliGemma } = await import('../dist/index.js');
  const fullSize = {};
  for (const type of ['f16', 'bf16']) {
    const folder = await converted(type);
    const traces = [];
    for (const device of ['cpu', options.device]) {
      const model = await PaliGemma.load(folder, { device, maxSequences: 1, featureCache: 0 });
      const all = [];
      for (let i = 0; i < 3; i++) all.push(await model.trace({ prompt: 'caption en', images: [noise(224, i)] }));
      traces.push(all);
      await model.dispose();
    }
    const largest = (name) => Math.max(...traces[0].map((one, i) => difference(one[name], traces[1][i][name])));
    const best = ({ logits }) => logits.indexOf(Math.max(...logits));
    fullSize[type] = {
      features: largest('imageFeatures'),
      logits: largest('logits'),
      sameToken: traces[0].every((one, i) => best(one) === best(traces[1][i])),
    };
  }
  return { tests, fullSize };
}

const difference = (a, b) => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

async function speed() {
  const measure = (model, type, inFlight, requests) => {
    const kept = path.join(work, `${model}-${type}`);
    const args = [
      'bench',
      '--random',
      model,
      '--keep',
      kept,
      '--quantization',
      type,
      '--device',
      options.device,
      '--json',
    ];
    const text = node([CLI, ...args, '--concurrency', inFlight, '--requests', requests], { read: true });
    const { load, single, throughput } = lastJson(text);
    return { model, type, load, single, throughput };
  };
  const captions = [
    measure('3b-224', 'bf16', '16,64,128,256', '512'),
    measure('3b-224', 'q4_k_m', '16,64,128', '512'),
    measure('3b-448', 'bf16', '16,64', '128'),
  ];
  const { PaliGemma } = await import('../dist/index.js');
  const model = await PaliGemma.load('embedded', { device: options.device, maxSequences: 64, featureCache: 0 });
  const emoji = {};
  for (const task of ['caption', 'detect', 'segment']) {
    const requests = 512;
    let next = 0;
    const one = async () => {
      for (let i = next++; i < requests; i = next++) {
        const picture = noise(model.info.imageSize, i);
        await (task === 'caption' ? model.caption(picture) : model[task](picture, 'cat'));
      }
    };
    const started = performance.now();
    await Promise.all(Array.from({ length: 64 }, one));
    emoji[task] = (requests * 1000) / (performance.now() - started);
  }
  await model.dispose();
  return { captions, emoji };
}

async function peers() {
  const args = [
    'bench/compare/run.mjs',
    checkpoint(),
    work,
    '--keep',
    '--json',
    '--device',
    options.device,
    '--static',
  ];
  args.push(
    '--python',
    options.python,
    '--peers',
    'bfloat16',
    '--types',
    'bf16,q4_k_m',
    '--in-flight',
    '16,64,128',
    '--runs',
    '3',
  );
  const text = node(args, { read: true });
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function profile() {
  const folder = await converted('bf16');
  const batch = `
    const { PaliGemma } = await import(${JSON.stringify(path.join(ROOT, 'dist', 'index.js'))});
    const model = await PaliGemma.load(${JSON.stringify(folder)}, { device: '${options.device}', maxSequences: 64, featureCache: 0 });
    const picture = () => ({ data: Uint8Array.from({ length: 224 * 224 * 3 }, () => Math.random() * 256), width: 224, height: 224, channels: 3 });
    const ask = () => Promise.all(Array.from({ length: 64 }, () => model.generate({ prompt: 'caption en', images: [picture()], maxTokens: 20 })));
    await ask();
    const started = performance.now();
    const all = await ask();
    const mean = (part) => all.reduce((sum, { timings }) => sum + timings[part], 0) / all.length;
    const parts = Object.fromEntries(['image', 'queue', 'vision', 'prefill', 'decode', 'total'].map((part) => [part, mean(part)]));
    console.log(JSON.stringify({ pictures: 64, milliseconds: performance.now() - started, ...parts }));
    await model.dispose();`;
  const run64 = ['--input-type=module', '-e', batch];
  if (spawnSync('nsys', ['--version']).status !== 0) return { clock: lastJson(node(run64, { read: true })) };
  const report = path.join(work, 'profile');
  const text = run(
    'nsys',
    ['profile', '--force-overwrite', 'true', '-t', 'cuda', '-o', report, process.execPath, ...run64],
    { read: true },
  );
  const kernels = run('nsys', ['stats', '--report', 'cuda_gpu_kern_sum', '--format', 'csv', `${report}.nsys-rep`], {
    read: true,
  });
  return { clock: lastJson(text), kernels: kernels.trim().split('\n').slice(0, 40) };
}

const card = await prepare();
const name = card.description
  .toLowerCase()
  .replace(/[^a-z0-9]+/g, '-')
  .replace(/^-|-$/g, '');
const results = path.join(ROOT, 'bench', 'results', `${name}.json`);
const known = fs.existsSync(results)
  ? JSON.parse(fs.readFileSync(results, 'utf8'))
  : { card: card.description, parts: {} };
let failed = false;
for (const part of parts) {
  const started = performance.now();
  try {
    known.parts[part] = {
      result: await PARTS[part](),
      seconds: Math.round((performance.now() - started) / 1000),
    };
  } catch (error) {
    failed = true; // the others may work
    known.parts[part] = { error: error.message };
    console.error(`${part}: ${error.message}`);
  }
  fs.writeFileSync(results, `${JSON.stringify(known, undefined, 1)}\n`);
}
fs.writeFileSync(results.replace(/json$/, 'md'), cardPage(known));
console.log(results.replace(/json$/, 'md'));
process.exitCode = failed ? 1 : 0;
