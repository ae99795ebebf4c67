#!/usr/bin/env node
// npm test [-- JEST OPTIONS]: from a fresh clone to the result of all tests.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runAndExit, setup } from './setup.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Runs Jest and ends with its status. When a signal ends it, the test that ran then is named (test/helpers/running.mjs). */
export function runTests(args) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-test-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true })); // what a Jest that died leaves
  const running = path.join(folder, 'running');
  const jest = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  // Tests are ES modules like what they test; Node calls the loader that Jest uses for them experimental.
  runAndExit('Jest', ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest, ...args], {
    env: { ...process.env, PALIGEMMA_TEST_FOLDER: folder },
    last: () => fs.existsSync(running) && fs.readFileSync(running, 'utf8'),
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await setup();
  runTests(process.argv.slice(2));
}
