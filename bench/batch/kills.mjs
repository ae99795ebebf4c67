#!/usr/bin/env node
// A batch that is killed at random moments and gone on with, against one that was left in peace: item for item the same?
//
//   node bench/batch/scenes.mjs /tmp/scenes && node bench/batch/kills.mjs /tmp/scenes/000 /tmp/scenes/001 [--kills 20] [--kind jsonl]
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const CLI = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', 'cli', 'dist', 'cli.js');
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { kills: { type: 'string', default: '20' }, kind: { type: 'string', default: 'jsonl' } },
});
const kills = Number(options.kills);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-kills-'));
const target = (name) => path.join(folder, `${name}.${options.kind}`);

function batch(output) {
  const child = spawn(
    process.execPath,
    [CLI, 'batch', '--model', 'embedded', ...positionals, '--output', output, '--resume'],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let err = '';
  child.stderr.on('data', (text) => {
    err += text;
  });
  return { child, done: new Promise((resolve) => child.on('close', (status) => resolve({ status, err }))) };
}

const started = performance.now();
const { status } = await batch(target('peace')).done;
const duration = performance.now() - started;
if (status !== 0) throw new Error(`the batch ended with ${status}`);

let killed = 0;
for (; killed < kills; killed++) {
  const { child, done } = batch(target('killed'));
  await sleep(Math.random() * 2 * (duration / kills) + 250);
  child.kill('SIGKILL');
  if ((await done).status === 0) break; // all was done already
  console.error(`killed at ${fs.existsSync(target('killed')) ? fs.statSync(target('killed')).size : 0} bytes`);
}
const last = await batch(target('killed')).done;
console.error(last.err.trim());

/** Records without their times, in the order of the input. */
function records(file) {
  const text = fs.readFileSync(file, 'utf8');
  if (options.kind !== 'jsonl')
    return text
      .trim()
      .split('\n')
      .map((line) => line.replace(/[\d.]+,[^,]*$/, ''))
      .sort();
  const all = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return all.sort((a, b) => a.index - b.index).map(({ timings, ...rest }) => JSON.stringify(rest));
}
const [peace, after] = [records(target('peace')), records(target('killed'))];
const different = peace.filter((line, i) => line !== after[i]).length;
console.log(JSON.stringify({ kills: killed, items: peace.length, itemsAfterKills: after.length, different }));
fs.rmSync(folder, { recursive: true });
process.exitCode = different === 0 && peace.length === after.length ? 0 : 1;
