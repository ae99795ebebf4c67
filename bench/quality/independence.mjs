#!/usr/bin/env node
// Whether an answer depends on what else is computed: each request alone, then all in flight; equal tokens, and by how much the
// log-probabilities of the tokens differ.
//
//   node bench/quality/independence.mjs [--model FOLDER] [--pictures FOLDER] [--in-flight 32]        (build the package first)
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const { PaliGemma } = await import(path.join(ROOT, 'dist', 'index.js'));
const { values: options } = parseArgs({
  options: {
    model: { type: 'string', default: path.join(ROOT, 'models', 'paligemma-emoji-112') },
    pictures: { type: 'string', default: path.join(ROOT, 'test', 'fixtures', 'emoji', 'scenes') },
    'in-flight': { type: 'string', default: '32' },
  },
});

const prompts = ['caption en', 'caption de', 'ocr', 'detect owl ; cat', 'answer en how many dogs are there?'];
const pictures = fs.readdirSync(options.pictures).filter((name) => /\.(png|jpe?g|webp)$/.test(name));
const requests = pictures.flatMap((name, i) =>
  [0, 1].map((k) => ({
    prompt: prompts[(i + k) % prompts.length],
    images: [path.join(options.pictures, name)],
    maxTokens: 24,
    logprobs: 0,
  })),
);

const model = await PaliGemma.load(options.model, { featureCache: 0 });
const alone = [];
for (const request of requests) alone.push(await model.generate(request));
const together = new Array(requests.length);
let next = 0;
const worker = async () => {
  while (next < requests.length) {
    const i = next++;
    together[i] = await model.generate(requests[i]);
  }
};
await Promise.all(Array.from({ length: Number(options['in-flight']) }, worker));
await model.dispose();

let [equal, tokens, largest] = [0, 0, 0];
for (const [i, { tokens: expected, logprobs }] of alone.entries()) {
  if (expected.join() !== together[i].tokens.join()) continue;
  equal++;
  for (const [k, { logprob }] of logprobs.entries()) {
    tokens++;
    largest = Math.max(largest, Math.abs(logprob - together[i].logprobs[k].logprob));
  }
}
console.log(
  JSON.stringify({ requests: requests.length, equalTokens: equal, tokens, largestDifferenceOfLogprobs: largest }),
);
