#!/usr/bin/env node
// Makes what the published package carries for one platform: prebuilds/PLATFORM-ARCH, the addon with its libraries, one for the
// processor by instruction set. Or a graphics backend as a package of its own.
//
//   node scripts/prebuild.mjs [--arch x64|arm64] [--sysroot]     --sysroot, on Linux: over Debian 11's glibc with clang 19,
//                                                                which also builds for the other architecture
//   node scripts/prebuild.mjs --platform win32                   on Linux: for Windows on x64, with clang 19 and MinGW-w64
//   node scripts/prebuild.mjs --backend cuda|vulkan              build/packages/PLATFORM-ARCH-BACKEND, ready to publish
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { packBackend } from './packages.mjs';
import { sysroot } from './sysroot.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
/** What a backend finds on its machine or does without. */
const NEEDS = {
  cuda:
    "It needs NVIDIA's driver for CUDA 13 and that version's libraries (`cudart`, `cublas`) where the system finds them,\n" +
    'and a card of the Turing generation (compute capability 7.5) or a later one.',
};
const { values: options } = parseArgs({
  options: {
    arch: { type: 'string', default: os.arch() },
    platform: { type: 'string', default: process.platform },
    sysroot: { type: 'boolean', default: false },
    backend: { type: 'string' },
  },
});
const { arch, backend } = options;
const platform = `${options.platform}-${arch}`;
const abroad = options.platform !== process.platform;
if (abroad) checkCross();

// prebuildify builds in the folder of a package.
const folder = path.join(ROOT, 'build', `prebuild-${platform}`);
fs.mkdirSync(folder, { recursive: true });
fs.copyFileSync(path.join(ROOT, 'package.json'), path.join(folder, 'package.json'));

if (options.sysroot) {
  const system = path.join(ROOT, 'build', `sysroot-${arch}`);
  sysroot(arch, system);
  process.env.PALIGEMMA_SYSROOT = system;
  process.env.PALIGEMMA_ARCH = arch;
}
process.env.PALIGEMMA_TOOLCHAIN = abroad ? 'windows' : options.sysroot ? 'linux' : '';
process.env.PALIGEMMA_BACKEND = backend ?? '';
process.env.CCACHE_BASEDIR = ''; // it would make paths relative, which then are not those that the compiler is told to leave out

const output = path.join(ROOT, 'prebuilds', platform);
const compiler = path.join(ROOT, 'scripts', 'node-gyp-cmake.mjs');
fs.rmSync(output, { recursive: true, force: true });
await promisify(require('prebuildify'))({
  napi: true,
  targets: [process.versions.node],
  arch,
  platform: options.platform,
  cwd: folder,
  out: ROOT,
  tagLibc: options.platform === 'linux', // on musl the package is built from its sources
  nodeGyp: process.platform === 'win32' ? `"${process.execPath}" "${compiler}"` : compiler,
});

if (backend) {
  // The addon of that build has found its backend; the package of the platform already carries everything else.
  const library = fs.readdirSync(output).find((name) => name.includes(`ggml-${backend}`));
  if (!library) throw new Error(`no library for ${backend} was built`);
  const target = path.join(ROOT, 'build', 'packages', `${platform}-${backend}`);
  fs.rmSync(target, { recursive: true, force: true });
  fs.mkdirSync(target, { recursive: true });
  fs.renameSync(path.join(output, library), path.join(target, library));
  fs.rmSync(output, { recursive: true });
  packBackend(target, platform, backend, library, NEEDS[backend]);
  console.log(`${path.relative(ROOT, target)}: ${library}`);
} else {
  for (const name of fs.readdirSync(output).sort())
    console.log(`${(fs.statSync(path.join(output, name)).size / 1e6).toFixed(2).padStart(6)} MB  ${name}`);
}

/** Ends with what is missing to build for another system than this one. */
function checkCross() {
  const end = (message) => {
    console.error(message);
    process.exit(2);
  };
  if (platform !== 'win32-x64' || process.platform !== 'linux' || options.sysroot || backend)
    end(
      `From ${process.platform} to ${platform} nothing is built; on Linux --platform win32 --arch x64 is, for processors.`,
    );
  const tools = ['clang-19', 'clang++-19', 'ld.lld-19', 'llvm-dlltool-19', 'x86_64-w64-mingw32-g++-posix'];
  const missing = tools.filter((tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error);
  if (missing.length > 0)
    end(
      `${missing.join(', ')} missing, to build for Windows: apt-get install clang-19 lld-19 llvm-19 g++-mingw-w64-x86-64-posix`,
    );
}
