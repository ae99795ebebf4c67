#!/usr/bin/env node
// This library against transformers on the same weights, prompt and machine, in one run.
//
//   node bench/compare/run.mjs CHECKPOINT WORK_FOLDER [--types f16,q8_0,q4_k_m,q4_0] [--python python3] [--runs 3]
//       [--tokens 20] [--dtype float32] [--device cpu] [--in-flight 1,8] [--static] [--json]
//
// CHECKPOINT: bench/conversion/make-checkpoint.mjs makes one of full size. Pictures are noise, each a new one. Both sides answer
// one at a time, then several at once (ours in flight, theirs as a batch; --static: theirs also with a static cache, which
// transformers compiles on a card), with as many threads as there are processors; every model runs in a process of its own, so
// that its memory is its own. Without torch and transformers in that Python, our side alone is measured. Build the package first.
// On an NVIDIA card: --device cuda --dtype bfloat16 --types bf16,f16,q4_k_m --in-flight 16,64,128 --static
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.resolve(HERE, '..', '..');
const { convert, PaliGemma } = await import(path.join(ROOT, 'dist', 'index.js'));

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    types: { type: 'string', default: 'f16,q8_0,q4_k_m,q4_0' },
    python: { type: 'string', default: 'python3' },
    runs: { type: 'string', default: '3' },
    tokens: { type: 'string', default: '20' },
    dtype: { type: 'string', default: 'float32' },
    device: { type: 'string', default: 'cpu' },
    'in-flight': { type: 'string', default: '' },
    static: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    measure: { type: 'string' }, // internal: the folder of a model to measure in this process
  },
});
const [checkpoint, work] = positionals;
const PROMPT = 'caption en';
const inFlight = options['in-flight'].split(',').filter(Boolean).map(Number);
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const noise = () => ({
  data: Uint8Array.from({ length: 640 * 480 * 3 }, () => Math.random() * 256),
  width: 640,
  height: 480,
  channels: 3,
});

/** In a process of its own: times and memory of one model; and what the peer is to be asked. */
async function measure(folder) {
  const model = await PaliGemma.load(folder, {
    featureCache: 0,
    maxSequences: Math.max(1, ...inFlight),
    device: options.device,
  });
  const ask = (maxTokens) => model.generate({ prompt: PROMPT, images: [noise()], maxTokens });
  await ask(2);
  const runs = [];
  for (let i = 0; i < Number(options.runs); i++) runs.push(await ask(Number(options.tokens)));
  const resident = process.resourceUsage().maxRSS * 1024;
  const throughput = [];
  for (const batch of inFlight) {
    const started = performance.now();
    const each = async () => {
      for (let i = 0; i < Number(options.runs); i++) await ask(Number(options.tokens));
    };
    await Promise.all(Array.from({ length: batch }, each));
    throughput.push({
      batch,
      images_per_second: (batch * Number(options.runs) * 1000) / (performance.now() - started),
    });
  }
  const { inputIds } = await model.trace({ prompt: PROMPT, images: [noise()] });
  const of = (value) => median(runs.map(value));
  console.log(
    JSON.stringify({
      vision: of(({ timings }) => timings.vision),
      first_token: of(({ timings: t }) => t.image + t.queue + t.vision + t.prefill),
      token: of(({ timings, usage }) => timings.decode / Math.max(usage.newTokens - 1, 1)),
      total: of(({ timings }) => timings.total),
      resident,
      throughput,
      newTokens: of(({ usage }) => usage.newTokens),
      inputIds: [...inputIds],
      imageSize: model.info.imageSize,
    }),
  );
  await model.dispose();
}

function child(command, args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (error || status !== 0) throw new Error(error?.message ?? stderr.trim().split('\n').at(-1));
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

async function ours(type) {
  const folder = path.join(work, type);
  await convert(checkpoint, folder, { quantization: type });
  const forwarded = ['runs', 'tokens', 'device', 'in-flight'].flatMap((name) => [`--${name}`, options[name]]);
  const result = child(process.execPath, [fileURLToPath(import.meta.url), '--measure', folder, ...forwarded]);
  fs.rmSync(folder, { recursive: true });
  return { name: `node-paligemma ${type}`, ...result };
}

function theirs({ inputIds, imageSize }) {
  const request = path.join(work, 'request.json');
  const asked = {
    input_ids: inputIds,
    image_size: imageSize,
    new_tokens: Number(options.tokens),
    runs: Number(options.runs),
    threads: os.availableParallelism(),
    dtype: options.dtype,
    device: options.device,
    batches: inFlight,
    static: options.static,
  };
  fs.writeFileSync(request, JSON.stringify(asked));
  const result = child(options.python, [path.join(HERE, 'transformers_bench.py'), checkpoint, request]);
  return { name: `transformers ${options.dtype}`, ...result };
}

function print(results, base) {
  const ms = (value) => `${(value / 1000).toFixed(2)} s`;
  const ratio = (value, of) => (base && base !== value ? ` (${(base[of] / value[of]).toFixed(2)} x)` : '');
  console.log('| | vision | first token | a token | whole answer | resident |');
  console.log('| --- | --- | --- | --- | --- | --- |');
  for (const r of results) {
    const cells = [
      r.name,
      `${ms(r.vision)}${ratio(r, 'vision')}`,
      `${ms(r.first_token)}${ratio(r, 'first_token')}`,
      `${r.token.toFixed(0)} ms${ratio(r, 'token')}`,
      `${ms(r.total)}${ratio(r, 'total')}`,
      `${(r.resident / 1e9).toFixed(2)} GB`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  if (inFlight.length === 0) return;
  console.log(`\n| images a second | ${inFlight.map((n) => `${n} at once`).join(' | ')} |`);
  console.log(`| --- | ${inFlight.map(() => '---').join(' | ')} |`);
  for (const { name, throughput } of results)
    for (const fixed of [false, true]) {
      const row = inFlight.map((n) => throughput.find((t) => t.batch === n && (t.static ?? false) === fixed));
      if (row[0])
        console.log(
          `| ${name}${fixed ? ', static cache' : ''} | ${row.map((t) => t.images_per_second.toFixed(2)).join(' | ')} |`,
        );
    }
}

if (options.measure) {
  await measure(options.measure);
} else if (!checkpoint || !work) {
  console.error(
    'usage: run.mjs CHECKPOINT WORK_FOLDER [--types LIST] [--python PATH] [--runs N] [--tokens N] [--json]',
  );
  process.exitCode = 2;
} else {
  fs.mkdirSync(work, { recursive: true });
  const results = [];
  for (const type of options.types.split(',')) results.push(await ours(type));
  let peer;
  try {
    peer = theirs(results[0]);
  } catch (error) {
    console.error(`transformers was not measured: ${error.message}`);
  }
  const all = peer ? [peer, ...results] : results;
  if (options.json) console.log(JSON.stringify(all.map(({ inputIds, ...rest }) => rest)));
  else print(all, peer);
}
