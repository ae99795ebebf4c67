#!/usr/bin/env node
// Builds the addon (llama.cpp included) into build/Release and the JavaScript into dist/.
//
//   node scripts/build.mjs               both; what has not changed is not built again
//   node scripts/build.mjs --native      the addon only;  --ts  the JavaScript only
//   node scripts/build.mjs --cuda        with a further backend (also --metal, --vulkan)
//   node scripts/build.mjs --portable    for any CPU of the platform instead of this one
//   node scripts/build.mjs --debug       with debug information, for gdb and lldb
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { exitStatus, inWords } from './signals.mjs';
import { checkToolchain, ToolchainError } from './toolchain.mjs';
import { vendor } from './vendor.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);

class BuildError extends Error {
  constructor(message, status = 1) {
    super(message);
    this.status = status;
  }
}

/** Runs a step: a Node program. */
export function run(what, args, options = {}) {
  const { status, signal, error } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
    ...options,
  });
  if (signal) throw new BuildError(`${what} was ended by ${inWords(signal)}`, exitStatus(signal));
  if (error) throw new BuildError(`${what} failed: ${error.message}`);
  if (status !== 0) throw new BuildError(`${what} failed with status ${status}; what went wrong is above`);
}

/**
 * @param flags as on the command line
 * @param folder of the build
 * @param definitions further ones for CMake
 */
export function buildNative(flags = new Set(), folder = path.join(ROOT, 'build'), definitions = {}) {
  const vendored = fs.existsSync(path.join(ROOT, 'vendor', 'llama.cpp', '.manifest.json'));
  checkToolchain({ fetch: !vendored });
  vendor();

  const cmakeJs = require.resolve('cmake-js/bin/cmake-js');
  const options = [
    `--CDPALIGEMMA_CUDA=${flags.has('--cuda') ? 'ON' : 'OFF'}`,
    `--CDPALIGEMMA_METAL=${flags.has('--metal') || (process.platform === 'darwin' && !flags.has('--cpu')) ? 'ON' : 'OFF'}`,
    `--CDPALIGEMMA_VULKAN=${flags.has('--vulkan') ? 'ON' : 'OFF'}`,
    `--CDPALIGEMMA_NATIVE=${flags.has('--portable') ? 'OFF' : 'ON'}`,
    `--CDPALIGEMMA_DEBUG_INFO=${flags.has('--debug') ? 'ON' : 'OFF'}`,
    ...Object.entries(definitions).map(([name, value]) => `--CD${name}=${value}`),
    '--out',
    folder,
  ];
  // cmake-js configures only a fresh folder; other options than last time need it again.
  const stamp = path.join(folder, 'options.json');
  const wanted = JSON.stringify(options);
  const configured = fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted;
  if (!configured) {
    run('configuring', [cmakeJs, 'configure', '--log-level', 'warn', ...options]);
    fs.writeFileSync(stamp, wanted);
    console.error('Building the addon. The first time this takes a few minutes.');
  }
  // `cmake-js compile` would start from nothing after an error; `build` keeps what was built.
  run('building the addon', [
    cmakeJs,
    'build',
    '--log-level',
    'warn',
    '--parallel',
    String(os.availableParallelism()),
    ...options,
  ]);
}

const newest = (folder) =>
  fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce(
      (time, entry) => Math.max(time, fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name)).mtimeMs),
      0,
    );

export function buildTypeScript() {
  const outputs = ['index.js', 'index.cjs', 'index.d.ts', 'cli.js', 'engine-process.js'].map((name) =>
    path.join(ROOT, 'dist', name),
  );
  const oldest = Math.min(...outputs.map((file) => (fs.existsSync(file) ? fs.statSync(file).mtimeMs : 0)));
  const inputs = ['tsup.config.ts', 'tsconfig.json', 'package.json'].map(
    (name) => fs.statSync(path.join(ROOT, name)).mtimeMs,
  );
  if (oldest > Math.max(newest(path.join(ROOT, 'lib')), ...inputs)) return;
  run('building the JavaScript', [path.join(path.dirname(require.resolve('tsup')), 'cli-default.js'), '--silent']);
  fs.chmodSync(path.join(ROOT, 'dist', 'cli.js'), 0o755);
}

/** Runs a script's main part; expected failures end in one message instead of a stack trace. */
export function main(work) {
  try {
    work();
  } catch (error) {
    if (!(error instanceof BuildError || error instanceof ToolchainError || error.constructor.name === 'VendorError'))
      throw error;
    console.error(`\n${error.message}`);
    process.exit(error.status ?? 1);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const flags = new Set(process.argv.slice(2));
  main(() => {
    if (!flags.has('--ts')) buildNative(flags);
    if (!flags.has('--native')) buildTypeScript();
  });
}
