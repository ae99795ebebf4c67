#!/usr/bin/env node
// Many clients at `paligemma serve` for a long time: OpenAI's, Hugging Face's and the tasks' interfaces, streamed and not. Every second
// client reads slowly, a tenth of the requests is broken off. Every answer must be the library's own to the same question, memory
// must not grow. Then, in turns, the same mix of patient clients against the library alone: what the server costs.
//
//   node bench/serve/soak.mjs [--minutes 10] [--clients 64] [--turns 2] [--turn 30] [--model FOLDER] [--save]
//                                                                        (build the package first; Linux)
// Clients run in a process of their own, whose share of a processor (`processorShare`) is told: it is taken from the server.
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { PaliGemma } from '../../dist/index.js';
import { pictures, questionsAbout, ROOT } from './questions.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    clients: { type: 'string', default: '64' },
    pictures: { type: 'string', default: '24' },
    turns: { type: 'string', default: '2' },
    turn: { type: 'string', default: '30' },
    model: { type: 'string', default: path.join(ROOT, 'models', 'paligemma-emoji-112') },
    save: { type: 'boolean', default: false },
  },
});
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'soak-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

const model = await PaliGemma.load(values.model, { maxSequences: 1, isolated: true });
const expected = {};
for (const { key, ask } of questionsAbout(await pictures(Number(values.pictures)))) expected[key] ??= await ask(model);
await model.dispose();
const answers = path.join(folder, 'expected.json');
fs.writeFileSync(answers, JSON.stringify(expected));

const server = spawn(
  process.execPath,
  [
    path.join(ROOT, 'cli', 'dist', 'cli.js'),
    'serve',
    '--model',
    values.model,
    '--port',
    '0',
    '--metrics',
    '--no-friendly-prompts',
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
process.on('exit', () => server.kill('SIGKILL'));
const ended = new Promise((resolve) => server.once('exit', (status, signal) => resolve(signal ?? status)));
const url = await new Promise((resolve, reject) => {
  server.stdout.setEncoding('utf8').on('data', (text) => {
    const [found] = /http:\S+/.exec(text) ?? [];
    if (found) resolve(found);
  });
  ended.then((status) => reject(new Error(`the server ended with ${status}`)));
});

async function load(where, seconds, ...more) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [
      path.join(ROOT, 'bench', 'serve', 'load.mjs'),
      ...[where, '--seconds', String(seconds), '--clients', values.clients, '--pictures', values.pictures],
      ...['--expected', answers, '--model', values.model, ...more],
    ],
    { maxBuffer: 1 << 26 },
  );
  return JSON.parse(stdout);
}

const resident = (pid) =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000);
function memoryNow() {
  try {
    const [engine] = fs.readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8').trim().split(' ');
    return { server: resident(server.pid), engine: engine ? resident(engine) : 0 };
  } catch {
    return undefined;
  }
}

await load(url, 10);
const memory = [];
const started = performance.now();
const sampling = setInterval(() => {
  memory.push({ minute: Math.round((performance.now() - started) / 6000) / 10, ...memoryNow() });
}, 5000);
const rough = await load(url, Number(values.minutes) * 60, '--rough');
clearInterval(sampling);

const left = await fetch(`${url}/metrics`).then((response) => response.text());
const stillRunning = Number(/^paligemma_requests_running\{.*\} (\d+)$/m.exec(left)?.[1]);
const turns = [];
for (let i = 0; i < Number(values.turns); i++)
  turns.push({ library: await load('library', values.turn), server: await load(url, values.turn) });
server.kill('SIGTERM');
const status = await ended;

const middle = (list) => list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0;
const quarter = Math.max(memory.length >> 2, 1);
const growth = (name) =>
  middle(memory.slice(-quarter).map((one) => one[name])) -
  middle(memory.slice(quarter, 2 * quarter).map((one) => one[name]));
const result = {
  machine: `${os.cpus()[0]?.model}, ${os.availableParallelism()} processors`,
  model: path.basename(values.model),
  minutes: Number(values.minutes),
  clients: Number(values.clients),
  rough,
  stillRunning,
  exitStatus: status,
  growthMB: { server: growth('server'), engine: growth('engine') },
  memoryMB: memory.filter((_, i) => i % Math.max(Math.floor(memory.length / 12), 1) === 0),
  turns,
  ratio: Math.round(middle(turns.map((turn) => turn.server.perSecond / turn.library.perSecond)) * 1000) / 1000,
};
console.log(JSON.stringify(result, null, 2));
if (values.save)
  fs.writeFileSync(path.join(ROOT, 'bench', 'results', 'serve.json'), `${JSON.stringify(result, null, 2)}\n`);
const all = [rough, ...turns.flatMap(Object.values)];
const wrong = all.some(({ different, errors }) => different > 0 || Object.keys(errors).length > 0);
process.exitCode =
  wrong || stillRunning > 0 || status !== 0 || result.growthMB.server > 60 || result.growthMB.engine > 60 ? 1 : 0;
