#!/usr/bin/env node
// Builds the addon (llama.cpp included) into build/Release and the JavaScript into dist/ and cli/dist/.
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
import { buildTools } from './build-tools.mjs';
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

/** The flags that are options of CMake, and what their option is with them. */
export const SWITCHES = {
  '--cuda': ['PALIGEMMA_CUDA', 'ON'],
  ...(process.platform === 'darwin'
    ? { '--cpu': ['PALIGEMMA_METAL', 'OFF'] }
    : { '--metal': ['PALIGEMMA_METAL', 'ON'] }),
  '--vulkan': ['PALIGEMMA_VULKAN', 'ON'],
  '--portable': ['PALIGEMMA_NATIVE', 'OFF'],
  '--debug': ['PALIGEMMA_DEBUG_INFO', 'ON'],
};

/** A switch as cmake-js takes it. */
function optionOf(flag, given) {
  const [name, value] = SWITCHES[flag];
  return `--CD${name}=${given === (value === 'ON') ? 'ON' : 'OFF'}`;
}

/** All of them. */
export const switches = (flags) => Object.keys(SWITCHES).map((flag) => optionOf(flag, flags.has(flag)));

/** The flags that the addon in a folder was built with. None where there is no build. */
export function flagsOfLastBuild(folder = path.join(ROOT, 'build')) {
  const stamp = stampOf(folder);
  const options = fs.existsSync(stamp) ? JSON.parse(fs.readFileSync(stamp, 'utf8')) : [];
  return new Set(Object.keys(SWITCHES).filter((flag) => options.includes(optionOf(flag, true))));
}

/** Where the options of the last build are. */
const stampOf = (folder) => path.join(folder, 'options.json');

/**
 * @param flags as on the command line
 * @param folder of the build
 * @param definitions further ones for CMake
 */
export function buildNative(flags = new Set(), folder = path.join(ROOT, 'build'), definitions = {}) {
  const vendored = fs.existsSync(path.join(ROOT, 'vendor', 'llama.cpp', '.manifest.json'));
  checkToolchain({ fetch: !vendored });
  try {
    fs.mkdirSync(folder, { recursive: true });
    fs.accessSync(ROOT, fs.constants.W_OK);
  } catch (error) {
    throw new BuildError(`The addon is built in ${folder}, where nothing can be written (${error.code})`);
  }
  vendor();

  const { cmakeJs, headers } = buildTools();
  const options = [
    ...switches(flags),
    `--CDPALIGEMMA_NODE_ADDON_API=${headers.replaceAll('\\', '/')}`,
    ...Object.entries(definitions).map(([name, value]) => `--CD${name}=${value}`),
    '--out',
    folder,
  ];
  // cmake-js configures only a fresh folder; other options than last time need it again.
  const stamp = stampOf(folder);
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

/** The library, the command line over it, and the server's page. */
export function buildTypeScript() {
  const electron = ['main.js', 'preload-script.cjs', 'renderer.js', 'renderer.d.ts'].map((name) => `electron/${name}`);
  const library = ['index.js', 'index.cjs', 'index.d.ts', 'support.js', 'engine-process.js', ...electron];
  buildPackage(ROOT, ['lib'], library);
  const rooms = ['batch', 'bench', 'commands', 'completion', 'evaluate', 'fleet', 'serve'];
  buildPackage(path.join(ROOT, 'cli'), rooms, [
    'cli.js',
    'sources.js',
    'server.js',
    'server.d.ts',
    'metrics.js',
    'metrics.d.ts',
  ]);
  buildPage();
}

function buildPage() {
  const page = path.join(ROOT, 'cli', 'serve', 'page');
  const built = path.join(ROOT, 'cli', 'dist', 'page', 'index.html');
  if (fs.existsSync(built) && fs.statSync(built).mtimeMs > newest(page)) return;
  const vite = path.join(path.dirname(require.resolve('vite/package.json')), 'bin', 'vite.js');
  run('building the page', [vite, 'build', page, '--logLevel', 'warn']);
}

function buildPackage(folder, rooms, outputs) {
  const dist = path.join(folder, 'dist');
  const built = outputs.map((name) => path.join(dist, name));
  const oldest = Math.min(...built.map((file) => (fs.existsSync(file) ? fs.statSync(file).mtimeMs : 0)));
  const settings = [
    path.join(folder, 'tsup.config.ts'),
    path.join(folder, 'package.json'),
    path.join(ROOT, 'tsconfig.json'),
  ];
  const changed = [
    ...settings.map((file) => fs.statSync(file).mtimeMs),
    ...rooms.map((room) => newest(path.join(folder, room))),
  ];
  if (oldest > Math.max(...changed)) return;
  fs.rmSync(dist, { recursive: true, force: true }); // parts that are shared have other names each time
  const tsup = path.join(path.dirname(require.resolve('tsup')), 'cli-default.js');
  run('building the JavaScript', [tsup, '--silent'], { cwd: folder });
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
