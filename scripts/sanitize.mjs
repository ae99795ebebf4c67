#!/usr/bin/env node
// Tests on Linux with everything compiled for gcc's sanitizers, ggml included. Builds into build/sanitize-*, beside the usual build.
//
//   npm run sanitize -- address [JEST OPTIONS]     all tests under AddressSanitizer and UBSan
//   npm run sanitize -- leak [ROUNDS] [SEED]       the engine alone (engine-stress) under these and LeakSanitizer
//   npm run sanitize -- thread [ROUNDS] [SEED]     the engine alone under ThreadSanitizer
//
// Exit status 1 when a test fails or anything is reported. Known reports of ggml stand in test/native/known, each with its reason.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { buildNative, buildTypeScript, main } from './build.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const known = (checks) => path.join(ROOT, 'test', 'native', 'known', `${checks}.txt`);

const CHECKS = {
  address: { build: 'address', run: suite },
  leak: { build: 'address', run: stress },
  thread: { build: 'thread', run: stress },
};

/** The suite in a Node that was not compiled for the sanitizer: its library comes first, in all processes that tests start too. */
function suite({ folder, args, env }) {
  const addon = path.join(folder, 'build', 'Release', 'paligemma.node');
  const libraries = execFileSync('ldd', [addon], { encoding: 'utf8' }).match(/\/\S*lib(asan|ubsan)\.so\S*/g);
  const jest = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  return {
    command: process.execPath,
    args: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest, '--testTimeout=600000', ...args],
    env: {
      ...env,
      LD_PRELOAD: libraries.join(':'),
      PALIGEMMA_PATIENCE: '10', // everything takes several times as long
      // What Node itself leaves to the system at its end is none of our leaks.
      ASAN_OPTIONS: `${env.ASAN_OPTIONS}:detect_leaks=0`,
      // Where node-gyp-build looks for the addon, and the tests for their programs.
      NODE_PALIGEMMA_PREBUILD: folder,
    },
  };
}

function stress({ folder, args, env }) {
  const model = path.join(ROOT, 'models', 'paligemma-emoji-112');
  const [rounds = '20', seed = '1'] = args;
  return { command: path.join(folder, 'build', 'test', 'engine-stress'), args: [model, rounds, seed], env };
}

function sanitize(name, args) {
  const { build, run } = CHECKS[name];
  const folder = path.join(ROOT, 'build', `sanitize-${build}`);
  buildNative(new Set(['--cpu']), path.join(folder, 'build'), { PALIGEMMA_SANITIZE: build });
  if (run === suite) buildTypeScript();

  const reports = path.join(folder, 'reports');
  fs.rmSync(reports, { recursive: true, force: true });
  fs.mkdirSync(reports);
  // To files: what a process that a test starts prints may never be seen. gcc's UBSan cannot, and ends the process instead.
  const log = `log_path=${path.join(reports, 'report')}`;
  const { command, ...how } = run({
    folder,
    args,
    env: {
      ...process.env,
      // Memory that there is not is refused, as without ASan: tests ask for it.
      ASAN_OPTIONS: `${log}:allocator_may_return_null=1`,
      UBSAN_OPTIONS: `halt_on_error=1:print_stacktrace=1:suppressions=${known('undefined')}`,
      LSAN_OPTIONS: `suppressions=${known('leak')}`,
      TSAN_OPTIONS: `${log}:second_deadlock_stack=1:suppressions=${known('thread')}`,
    },
  });
  const { status, signal } = spawnSync(command, how.args, { stdio: 'inherit', cwd: ROOT, env: how.env });
  const refusal = /^==\d+==WARNING: AddressSanitizer failed to allocate \S+ bytes$/gm; // asked for by a test, as said above
  const written = fs.readdirSync(reports).filter((file) => {
    return fs.readFileSync(path.join(reports, file), 'utf8').replace(refusal, '').trim() !== '';
  });
  for (const file of written) console.error(fs.readFileSync(path.join(reports, file), 'utf8'));
  console.error(`${name}: ${written.length} processes reported something${signal ? `; ended by ${signal}` : ''}`);
  process.exit(written.length > 0 || status !== 0 ? 1 : 0);
}

const [name, ...args] = process.argv.slice(2);
if (!Object.hasOwn(CHECKS, name ?? '')) {
  console.error(`usage: npm run sanitize -- ${Object.keys(CHECKS).join('|')} [OPTIONS]`);
  process.exit(2);
}
main(() => sanitize(name, args));
