// From a fresh clone to something that runs: packages, addon, JavaScript. Uses nothing but Node until packages are there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { exitStatus, inWords } from './signals.mjs';
import { checkToolchain, ToolchainError } from './toolchain.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

function installPackages() {
  const stamp = path.join(ROOT, 'node_modules', '.installed');
  const wanted = createHash('sha256')
    .update(fs.readFileSync(path.join(ROOT, 'package-lock.json')))
    .digest('hex');
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted) return;
  console.error('Installing packages ...');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  // Not `npm ci`: it refuses a lock file that lacks optional binaries of other platforms, as registries' mirrors may.
  // --ignore-scripts: nothing of ours runs then, and no dependency needs to.
  const { status, signal } = spawnSync(
    npm,
    ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error'],
    {
      cwd: ROOT,
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    },
  );
  if (signal) {
    console.error(`Installing packages was ended by ${inWords(signal)}.`);
    process.exit(exitStatus(signal));
  }
  if (status !== 0) {
    console.error('Installing packages failed; what went wrong is above.');
    process.exit(1);
  }
  fs.writeFileSync(stamp, wanted);
}

export async function setup() {
  try {
    checkToolchain(); // first, so that nobody waits for packages to learn that a compiler is missing
  } catch (error) {
    if (!(error instanceof ToolchainError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
  installPackages();
  const { buildNative, buildTypeScript, flagsOfLastBuild, main } = await import('./build.mjs');
  main(() => {
    const flags = flagsOfLastBuild();
    if (flags.size > 0)
      console.error(`Building with ${[...flags].join(' ')}, as the last time; node scripts/build.mjs builds without.`);
    buildNative(flags);
    buildTypeScript();
  });
  return ROOT;
}

/**
 * Runs a Node program of this checkout in the foreground and ends with its status; after a signal with 128 + its number,
 * and a line on standard error that tells of it.
 *
 * @param what runs, in words
 * @param last what it had begun last, asked after a signal
 */
export function runAndExit(what, args, { last, ...options } = {}) {
  const { status, signal } = spawnSync(process.execPath, args, { stdio: 'inherit', cwd: ROOT, ...options });
  const begun = signal && last?.();
  if (signal) console.error(`\n${what} was ended by ${inWords(signal)}${begun ? `; it ran last: ${begun}` : ''}`);
  process.exit(signal ? exitStatus(signal) : (status ?? 1));
}
