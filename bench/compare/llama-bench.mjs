#!/usr/bin/env node
// What this library costs on top of llama.cpp: prefix and tokens of the text model alone, against llama.cpp's own llama-bench on
// the same file, taking turns.
//
//   node bench/compare/llama-bench.mjs MODEL_FOLDER LLAMA_BENCH [--prefix 256] [--tokens 32] [--rounds 5] [--threads N]
//
// LLAMA_BENCH: the program, built from vendor/pin.json's release with our patches (vendor/README.md shows how to get that tree):
//   cmake -B build -DBUILD_SHARED_LIBS=OFF -DGGML_OPENMP=OFF && cmake --build build --target llama-bench
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { PaliGemma } = await import(path.join(ROOT, 'dist', 'index.js'));
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    prefix: { type: 'string', default: '256' },
    tokens: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '5' },
    threads: { type: 'string', default: String(os.availableParallelism()) },
  },
});
const [folder, program] = positionals;
if (!folder || !program) {
  console.error('usage: llama-bench.mjs MODEL_FOLDER LLAMA_BENCH [--prefix N] [--tokens N] [--rounds N] [--threads N]');
  process.exit(2);
}
const [prefix, tokens, rounds] = [options.prefix, options.tokens, options.rounds].map(Number);

const model = await PaliGemma.load(folder, { maxSequences: 1, threads: Number(options.threads), device: 'cpu' });
/** A prompt of so many tokens, <bos> and the line break counted. */
async function promptOf(count) {
  let prompt = '!?'.repeat(count).slice(0, count - 2);
  const { inputIds } = await model.trace({ prompt });
  prompt = prompt.slice(0, Math.round((prompt.length * (count - 2)) / (inputIds.length - 2)));
  const found = (await model.trace({ prompt })).inputIds.length;
  if (found !== count) throw new Error(`${found} tokens instead of ${count}: try another prefix`);
  return prompt;
}
const prompt = await promptOf(prefix);

async function ours() {
  const { timings, usage } = await model.generate({ prompt, maxTokens: tokens });
  return {
    prefix: (usage.promptTokens * 1000) / timings.prefill,
    decode: ((usage.newTokens - 1) * 1000) / timings.decode,
  };
}

function theirs() {
  const run = (...args) => {
    const file = path.join(folder, 'model.gguf');
    const common = ['-m', file, '-t', options.threads, '-ngl', '0', '-fa', '0', '-r', '1', '-o', 'json'];
    const out = execFileSync(program, [...common, ...args.map(String)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return JSON.parse(out)[0].avg_ts;
  };
  const batch = ['-b', prefix, '-ub', prefix];
  return {
    prefix: run('-p', prefix, '-n', 0, ...batch),
    decode: run('-p', 0, '-n', tokens - 1, '-d', prefix, ...batch),
  };
}

await ours();
const runs = [];
for (let i = 0; i < rounds; i++) runs.push({ ours: await ours(), theirs: theirs() });
await model.dispose();

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
console.log('| tokens a second | llama-bench | node-paligemma | ratio |\n| --- | --- | --- | --- |');
for (const what of ['prefix', 'decode']) {
  const [a, b] = ['theirs', 'ours'].map((who) => median(runs.map((run) => run[who][what])));
  console.log(
    `| ${what} (${what === 'prefix' ? prefix : tokens - 1}) | ${a.toFixed(2)} | ${b.toFixed(2)} | ${(b / a).toFixed(3)} |`,
  );
}
