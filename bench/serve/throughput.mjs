#!/usr/bin/env node
// What the server costs: captions of one length by `paligemma serve` and by the library alone, in turns, as many in flight.
//
//   node bench/serve/throughput.mjs MODEL_FOLDER [--in-flight 16] [--requests 48] [--tokens 20] [--turns 3]
//
// For a model of full size, such as `paligemma bench --random 3b-224 --keep MODEL_FOLDER` leaves. Each side is a process of its own,
// isolated engine and all, that is there for its turn alone. Pictures are sent as JSON with data: URLs, each turn the same ones.
import { spawn, spawnSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';

const SELF = fileURLToPath(import.meta.url);
const ROOT = path.resolve(path.dirname(SELF), '..', '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'in-flight': { type: 'string', default: '16' },
    requests: { type: 'string', default: '48' },
    tokens: { type: 'string', default: '20' },
    turns: { type: 'string', default: '3' },
    side: { type: 'string' },
  },
});
const [folder] = positionals;
const [inFlight, requests, tokens] = ['in-flight', 'requests', 'tokens'].map((name) => Number(values[name]));

if (values.side === undefined) {
  const turns = [];
  for (let i = 0; i < Number(values.turns); i++) {
    const turn = {};
    for (const side of ['library', 'server']) {
      const { stdout } = spawnSync(process.execPath, [SELF, ...process.argv.slice(2), '--side', side], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      turn[side] = Number(stdout);
    }
    turns.push({ ...turn, ratio: turn.server / turn.library });
    console.error(JSON.stringify(turns.at(-1)));
  }
  const ratio = turns.map((turn) => turn.ratio).sort((a, b) => a - b)[turns.length >> 1];
  console.log(JSON.stringify({ cpu: os.cpus()[0].model, inFlight, requests, tokens, turns, ratio }));
} else {
  const pictures = await Promise.all(
    Array.from({ length: requests }, (_, i) =>
      sharp({
        create: { width: 640, height: 480, channels: 3, background: { r: (i * 37) % 256, g: (i * 91) % 256, b: 90 } },
      })
        .jpeg()
        .toBuffer(),
    ),
  );
  const { ask, end } = values.side === 'server' ? await server() : await library();
  await ask(pictures[0]); // whatever is made at the first one
  const started = performance.now();
  let next = 0;
  const work = async () => {
    while (next < requests) await ask(pictures[next++]);
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  console.log((requests / (performance.now() - started)) * 1000);
  await end();
}

async function library() {
  const { PaliGemma } = await import('../../dist/index.js');
  const model = await PaliGemma.load(folder, { isolated: true });
  return { ask: (picture) => model.caption(picture, { maxTokens: tokens }), end: () => model.dispose() };
}

async function server() {
  const cli = path.join(ROOT, 'cli', 'dist', 'cli.js');
  const child = spawn(process.execPath, [cli, 'serve', '--model', folder, '--port', '0', '--no-page'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise((resolve) => {
    child.stdout.on('data', (text) => resolve(/http:\S+/.exec(text)[0]));
  });
  return {
    async ask(picture) {
      const response = await fetch(`${url}/v1/tasks/caption`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ image: `data:image/jpeg;base64,${picture.toString('base64')}`, maxTokens: tokens }),
      });
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
      await response.json();
    },
    async end() {
      child.kill();
      await new Promise((resolve) => child.once('exit', resolve));
    },
  };
}
