#!/usr/bin/env node
// What a process of its own costs, and that the application survives its death.
//
//   node bench/isolated.mjs [--captions 300] [--kills 50] [--calls 32] [--model FOLDER]        (build the package first; Linux)
//
// Cost: captions one after another, in turn on an engine in this process and on one in its own; the difference of the medians.
// Deaths: `calls` under way, the process killed (-9) at a random moment, `kills` times. Every call must settle with an answer
// or ERR_ENGINE_DIED; then a caption must be right, and this process' memory stay flat.
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PaliGemma } from '../dist/index.js';
import { enginePid } from './engine-process.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values: options } = parseArgs({
  options: {
    captions: { type: 'string', default: '300' },
    kills: { type: 'string', default: '50' },
    calls: { type: 'string', default: '32' },
    model: { type: 'string', default: path.join(ROOT, 'models', 'paligemma-emoji-112') },
  },
});
const picture = path.join(ROOT, 'examples', 'images', 'owl-and-cat.png');

const plain = await PaliGemma.load(options.model, { featureCache: 0 });
const isolated = await PaliGemma.load(options.model, { featureCache: 0, isolated: true });
const right = await plain.caption(picture);

const times = { plain: [], isolated: [] };
for (let i = -10; i < Number(options.captions); i++)
  for (const [name, model] of Object.entries({ plain, isolated })) {
    const started = performance.now();
    if ((await model.caption(picture)) !== right) throw new Error('another caption');
    if (i >= 0) times[name].push(performance.now() - started);
  }
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const cost = { plain: median(times.plain), isolated: median(times.isolated) };
cost.more = cost.isolated - cost.plain;
await plain.dispose();

const outcomes = {};
const memory = [];
let settled = 0;
let wrong = 0;
for (let round = 0; round < Number(options.kills); round++) {
  const pid = enginePid();
  const calls = Array.from({ length: Number(options.calls) }, () =>
    isolated
      .generate({ prompt: 'caption en', images: [picture], temperature: 5, maxTokens: 60 })
      .then(
        () => 'answered',
        ({ code, signal }) => `${code} ${signal}`,
      )
      .then((outcome) => {
        settled++;
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }),
  );
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
  process.kill(pid, 'SIGKILL');
  await Promise.all(calls);
  if ((await isolated.caption(picture)) !== right) wrong++;
  memory.push(Math.round(process.memoryUsage.rss() / 1e6));
}
await isolated.dispose();
const unexpected = Object.keys(outcomes).filter((outcome) => !/^(answered|ERR_ENGINE_DIED SIGKILL)$/.test(outcome));
console.log(
  JSON.stringify(
    {
      machine: os.cpus()[0]?.model,
      captionMs: Object.fromEntries(Object.entries(cost).map(([name, ms]) => [name, Math.round(ms * 100) / 100])),
      kills: {
        rounds: Number(options.kills),
        calls: settled,
        outcomes,
        wrong,
        hostMB: memory.filter((_, i) => i % 5 === 4),
      },
    },
    null,
    2,
  ),
);
const lost = settled !== Number(options.kills) * Number(options.calls);
process.exitCode = unexpected.length > 0 || lost || wrong > 0 ? 1 : 0;
