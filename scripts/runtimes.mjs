#!/usr/bin/env node
// Other JavaScript runtimes, as npm has them: fetched once into build/runtimes, for tests. How often each of them loads the
// library, captions a picture and ends as it should.
//
//   node scripts/runtimes.mjs [bun deno node22 node24 node26] [--count 100] [--isolated]
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { inWords } from './signals.mjs';
import { fetchPackage } from './strangers.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const PICTURE = path.join(ROOT, 'examples', 'images', 'owl-and-cat.png');
const CAPTION = 'an owl and a cat';

const { platform, arch } = process;
const exe = platform === 'win32' ? '.exe' : '';

/** The package that has nothing but a program, the program in it, and what it needs on its command line to run a file. */
const bun = () => {
  const system = { win32: 'windows' }[platform] ?? platform;
  return [`@oven/bun-${system}-${arch === 'arm64' ? 'aarch64' : arch}`, `bin/bun${exe}`, []];
};
const deno = () => [`@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`, `deno${exe}`, ['run', '-A']];
const node = () => [`node-${platform === 'win32' ? 'win' : platform}-${arch}`, `bin/node${exe}`, []];

const RUNTIMES = {
  bun: { version: '1.4.5', of: bun },
  deno: { version: '2.9.6', of: deno },
  node22: { version: '22', of: node },
  node24: { version: '24', of: node },
  node26: { version: '26', of: node },
};

/**
 * A runtime of this platform, fetched where it is not there yet.
 * @returns the program, and the arguments that go before a file to be run
 */
export function runtime(name) {
  const { version, of } = RUNTIMES[name];
  const [wanted, program, args] = of();
  const folder = path.join(ROOT, 'build', 'runtimes', `${name}-${version}`);
  const command = path.join(folder, 'node_modules', wanted, program);
  if (!fs.existsSync(command)) fetchPackage(folder, `${wanted}@${version}`);
  return { command, args };
}

/** A folder where the built library is installed, as a project has it. */
export function project(folder) {
  fs.mkdirSync(path.join(folder, 'node_modules'), { recursive: true });
  fs.symlinkSync(ROOT, path.join(folder, 'node_modules', 'node-paligemma'), 'junction');
  const manifest = { type: 'module', private: true, dependencies: { 'node-paligemma': '*' } };
  fs.writeFileSync(path.join(folder, 'package.json'), JSON.stringify(manifest));
  return folder;
}

function loads(name, count, isolated) {
  const { command, args } = runtime(name);
  const folder = project(fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-runtime-')));
  // One disposes, the next one leaves the model to the end of the process, the third ends in the midst of an answer.
  const ends = ['dispose', 'leave', 'exit'];
  fs.writeFileSync(
    path.join(folder, 'load.mjs'),
    `import { PaliGemma } from 'node-paligemma';
    const model = await PaliGemma.load('embedded', { isolated: ${isolated} });
    console.log(await model.caption(${JSON.stringify(PICTURE)}));
    if (process.argv[2] === 'dispose') await model.dispose();
    if (process.argv[2] === 'exit') {
      model.generate({ prompt: 'caption en', maxTokens: 900, temperature: 20 }).catch(() => {});
      setTimeout(() => process.exit(), 10);
    }`,
  );
  const failures = [];
  const seconds = [];
  for (let i = 0; i < count; i++) {
    const started = performance.now();
    const options = { cwd: folder, encoding: 'utf8', timeout: 60_000 };
    const ended = spawnSync(command, [...args, 'load.mjs', ends[i % ends.length]], options);
    seconds.push((performance.now() - started) / 1000);
    const { status, signal, stdout, stderr } = ended;
    if (status === 0 && stdout === `${CAPTION}\n`) continue;
    const how = signal ? inWords(signal) : `status ${status}`;
    failures.push(`${i}: ${how}: ${(stderr || stdout).trim().split('\n').at(-1)}`);
  }
  fs.rmSync(folder, { recursive: true, force: true });
  const version = spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout.split('\n')[0];
  const median = seconds.toSorted((a, b) => a - b)[Math.floor(count / 2)];
  return {
    runtime: name,
    version,
    isolated,
    count,
    failed: failures.length,
    seconds: Number(median.toFixed(3)),
    failures,
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { count: { type: 'string', default: '100' }, isolated: { type: 'boolean', default: false } },
  });
  const count = Number(values.count);
  const strange = positionals.find((name) => !(name in RUNTIMES));
  if (strange !== undefined || !Number.isInteger(count) || count < 1) {
    console.error(`usage: node scripts/runtimes.mjs [${Object.keys(RUNTIMES).join(' ')}] [--count 100] [--isolated]`);
    process.exit(2);
  }
  const names = positionals.length > 0 ? positionals : ['bun', 'deno'];
  for (const name of names) {
    const result = loads(name, count, values.isolated);
    console.log(JSON.stringify(result));
    if (result.failed > 0) process.exitCode = 1;
  }
}
