// What makes the addon beside CMake and a compiler: cmake-js, and the headers of node-addon-api. In a checkout npm has them. Where
// the package is installed they come when they are needed, into the build folder: who takes a binary never has them on the disk.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ToolchainError } from './toolchain.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const FETCHED = path.join(ROOT, 'build', 'tools');

/** @returns cmake-js, as a file to run with Node, and the folder of node-addon-api's headers */
export function buildTools() {
  const tools = toolsOf(ROOT) ?? toolsOf(FETCHED);
  if (tools) return tools;
  fetchTools();
  const fetched = toolsOf(FETCHED);
  if (fetched) return fetched;
  throw new ToolchainError(`cmake-js and node-addon-api were installed into ${FETCHED} and are not there`);
}

function toolsOf(folder) {
  try {
    const require = createRequire(path.join(folder, 'package.json'));
    return {
      cmakeJs: require.resolve('cmake-js/bin/cmake-js'),
      headers: path.dirname(require.resolve('node-addon-api/napi.h')),
    };
  } catch {
    return undefined;
  }
}

/** In the versions that package.json names for development. */
function fetchTools() {
  const { devDependencies } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  const packages = ['cmake-js', 'node-addon-api'].map((name) => `${name}@${devDependencies[name]}`);
  console.error(`Fetching ${packages.join(' and ')}, to build with ...`);
  fs.mkdirSync(FETCHED, { recursive: true });
  fs.writeFileSync(path.join(FETCHED, 'package.json'), '{ "private": true }\n');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  // An npm that runs this script hands its own options down: they are meant for another folder.
  const own = [
    '--prefix',
    FETCHED,
    '--global=false',
    '--workspaces=false',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
  ];
  const { status, error } = spawnSync(npm, ['install', ...own, '--loglevel', 'error', ...packages], {
    cwd: FETCHED,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (status === 0) return;
  throw new ToolchainError(
    `${packages.join(' and ')}, which the addon is built with, could not be installed into ${FETCHED}` +
      `${error ? ` (${error.message})` : ''}. Without a network, run this on a machine that has one, and copy that folder: ` +
      `npm install --prefix ${FETCHED} ${packages.join(' ')}`,
  );
}
