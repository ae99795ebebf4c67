#!/usr/bin/env node
// This library against transformers on the same weights, prompt and machine, in one run.
//
//   node bench/compare/run.mjs CHECKPOINT WORK_FOLDER [--types f16,q8_0,q4_k_m,q4_0] [--python python3] [--runs 5]
//       [--tokens 20] [--peers float32,bfloat16] [--isa here,avx2] [--device cpu] [--in-flight 1,8] [--static] [--keep] [--json]
//
// CHECKPOINT: bench/conversion/make-checkpoint.mjs makes one of full size. Pictures are noise, each a new one. Both sides answer
// one at a time, then several at once (ours in flight, theirs as a batch; --static: theirs also with a static cache, which
// transformers compiles on a card), with as many threads as there are processors; every model runs in a process of its own, so
// that its memory is its own. Without torch and transformers in that Python, our side alone is measured. Build the package first.
//
// --isa holds both sides to instruction sets, one after another (ours: a portable build, npm run build -- --portable; theirs: the
// variables of ATen, oneDNN and MKL); `here` is all that the processor has. --keep leaves converted models in WORK_FOLDER, and
// takes those that are there. In brackets: how many times as fast as the better peer.
// On an NVIDIA card: --device cuda --peers bfloat16 --types bf16,f16,q4_k_m --in-flight 16,64,128 --static
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const ROOT = path.resolve(HERE, '..', '..');
const { convert, PaliGemma } = await import(path.join(ROOT, 'dist', 'index.js'));
const { holdTo } = await import(path.join(ROOT, 'dist', 'support.js'));

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    types: { type: 'string', default: 'f16,q8_0,q4_k_m,q4_0' },
    python: { type: 'string', default: 'python3' },
    runs: { type: 'string', default: '5' },
    tokens: { type: 'string', default: '20' },
    peers: { type: 'string', default: 'float32' },
    isa: { type: 'string', default: 'here' },
    keep: { type: 'boolean', default: false },
    device: { type: 'string', default: 'cpu' },
    'in-flight': { type: 'string', default: '' },
    static: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    measure: { type: 'string' }, // internal: the folder of a model to measure in this process
  },
});
const [checkpoint, work] = positionals;
const PROMPT = 'caption en';
/** What holds torch to an instruction set: ATen's own code, oneDNN's, MKL's. */
const PEERS_SETS = {
  avx2: ['avx2', 'AVX2', 'AVX2'],
  'avx2-vnni': ['avx2', 'AVX2_VNNI', 'AVX2'],
  avx512: ['avx512', 'AVX512_CORE', 'AVX512'],
  'avx512-vnni': ['avx512', 'AVX512_CORE_VNNI', 'AVX512'],
  'avx512-bf16': ['avx512', 'AVX512_CORE_BF16', 'AVX512'],
  amx: ['avx512', 'AVX512_CORE_AMX', 'AVX512'],
};
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
  if (options.isa !== 'here') holdTo(options.isa);
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

function child(command, args, env = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, ...env },
  });
  if (error || status !== 0) throw new Error(error?.message ?? stderr.trim().split('\n').at(-1));
  return JSON.parse(stdout.trim().split('\n').at(-1));
}

async function ours(type, isa) {
  const folder = path.join(work, type);
  if (!fs.existsSync(path.join(folder, 'model.gguf'))) await convert(checkpoint, folder, { quantization: type });
  const forwarded = ['runs', 'tokens', 'device', 'in-flight'].flatMap((name) => [`--${name}`, options[name]]);
  const args = [fileURLToPath(import.meta.url), '--measure', folder, '--isa', isa, ...forwarded];
  return { name: `node-paligemma ${type}`, isa, ...child(process.execPath, args) };
}

function theirs(dtype, isa, { inputIds, imageSize }) {
  const request = path.join(work, 'request.json');
  const asked = {
    input_ids: inputIds,
    image_size: imageSize,
    new_tokens: Number(options.tokens),
    runs: Number(options.runs),
    threads: os.availableParallelism(),
    dtype,
    device: options.device,
    batches: inFlight,
    static: options.static,
  };
  fs.writeFileSync(request, JSON.stringify(asked));
  const [aten, oneDnn, mkl] = PEERS_SETS[isa] ?? [];
  const held = { ATEN_CPU_CAPABILITY: aten, ONEDNN_MAX_CPU_ISA: oneDnn, MKL_ENABLE_INSTRUCTIONS: mkl };
  const args = [path.join(HERE, 'transformers_bench.py'), checkpoint, request];
  return { name: `transformers ${dtype}`, isa, ...child(options.python, args, isa === 'here' ? {} : held) };
}

function print(results, peers) {
  const ms = (value) => `${(value / 1000).toFixed(2)} s`;
  const ratio = (value, of) => {
    if (peers.length === 0 || peers.includes(value)) return '';
    return ` (${(Math.min(...peers.map((peer) => peer[of])) / value[of]).toFixed(2)} x)`;
  };
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
  console.error('usage: run.mjs CHECKPOINT WORK_FOLDER [--types LIST] [--python PATH] [--peers LIST] [--isa LIST] ...');
  process.exitCode = 2;
} else {
  fs.mkdirSync(work, { recursive: true });
  const all = [];
  for (const isa of options.isa.split(',')) {
    const results = [];
    for (const type of options.types.split(',')) results.push(await ours(type, isa));
    const peers = options.peers.split(',').flatMap((dtype) => {
      try {
        return [theirs(dtype, isa, results[0])];
      } catch (error) {
        console.error(`transformers in ${dtype} was not measured: ${error.message}`);
        return [];
      }
    });
    all.push(...peers, ...results);
    if (options.json) continue;
    console.log(
      `\n${os.cpus()[0].model}, ${isa === 'here' ? 'all instruction sets' : isa}, medians of ${options.runs}\n`,
    );
    print([...peers, ...results], peers);
  }
  if (options.json) console.log(JSON.stringify(all.map(({ inputIds, ...rest }) => rest)));
  if (!options.keep) for (const type of options.types.split(',')) fs.rmSync(path.join(work, type), { recursive: true });
}
