#!/usr/bin/env node
// The library's own command: builds the addon for this machine, where there is no package of binaries for it.
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { buildNative, main, SWITCHES } from './build.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const USAGE = `usage: node-paligemma build [${Object.keys(SWITCHES).join('|')}]...

Builds the native addon from llama.cpp's sources for this machine, into ${path.join(ROOT, 'build', 'Release')}.
What a machine needs for that is named when it is missing. It takes some minutes, once, and fetches from npm
what the package does not carry: the sources, in the version that it is pinned to, and cmake-js.`;

const [command, ...given] = process.argv.slice(2);
if (command === undefined || command === 'help' || [command, ...given].includes('--help')) {
  console.log(USAGE);
  process.exit(command === undefined ? 2 : 0);
}
if (command === '--version') {
  console.log(JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')).version);
  process.exit(0);
}
const unknown = command === 'build' ? given.find((flag) => !(flag in SWITCHES)) : command;
if (unknown !== undefined) {
  console.error(`unknown: ${unknown}\n\n${USAGE}`);
  process.exit(2);
}
main(() => {
  buildNative(new Set(given));
  console.error(`Built ${path.join(ROOT, 'build', 'Release', 'paligemma.node')}`);
});
