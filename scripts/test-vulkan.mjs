#!/usr/bin/env node
// Tests what a graphics card computes, on Linux and without one: Mesa's software renderer runs the Vulkan backend.
//
//   npm run build -- --vulkan
//   npm run test:vulkan                       all suites of the list below, each in a process of its own
//   npm run test:vulkan -- reference scoring  these
//
// VK_ICD_FILENAMES with another driver's file has a card do it. Exit status 1 when a suite fails.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { flagsOfLastBuild } from './build.mjs';
import { setup } from './setup.mjs';
import { inWords } from './signals.mjs';

/** Suites whose models are loaded onto the best device, and in which it matters what that computes. */
const SUITES = [
  'emoji',
  'batching',
  'reference',
  'scoring',
  'paligemma',
  'emoji-tasks',
  'failures',
  'isolated',
  'devices',
  'embedded',
];
const DRIVERS = '/usr/share/vulkan/icd.d';

function fail(message) {
  console.error(message);
  process.exit(2);
}

/** The environment in which the renderer is the one card. */
function renderer() {
  const named = process.env.VK_ICD_FILENAMES ?? process.env.VK_DRIVER_FILES;
  const found = fs.existsSync(DRIVERS) ? fs.readdirSync(DRIVERS).find((name) => /^lvp_icd\b.*\.json$/.test(name)) : '';
  if (!named && !found) fail(`There is no software renderer in ${DRIVERS}: install mesa-vulkan-drivers.`);
  return {
    ...(named ? {} : { VK_ICD_FILENAMES: path.join(DRIVERS, found) }),
    GGML_VK_VISIBLE_DEVICES: '0', // a renderer counts as a processor, which ggml takes only where it is named
    PALIGEMMA_PATIENCE: '10',
    ...process.env,
  };
}

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !SUITES.includes(name));
if (unknown.length > 0) fail(`${unknown.join(', ')}: the suites are ${SUITES.join(', ')}`);
if (!flagsOfLastBuild().has('--vulkan')) fail('The addon has no Vulkan backend: npm run build -- --vulkan');
const env = renderer();
const root = await setup();
const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
const failed = [];
for (const suite of asked.length > 0 ? asked : SUITES) {
  const { status, signal } = spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      jest,
      '--testTimeout=600000',
      `test/${suite}.test.ts`,
    ],
    { stdio: 'inherit', cwd: root, env },
  );
  if (signal) console.error(`\n${suite} was ended by ${inWords(signal)}`);
  if (status !== 0) failed.push(suite);
}
console.error(failed.length > 0 ? `\nfailed: ${failed.join(', ')}` : '\nall suites pass');
process.exit(failed.length > 0 ? 1 : 0);
