#!/usr/bin/env node
// npm install node-paligemma: takes the prebuilt addon of this platform, or builds it from the sources in the package.
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);

function isThere() {
  try {
    return Boolean(require('node-gyp-build').path(root));
  } catch {
    return false;
  }
}

if (isThere() && !process.env.npm_config_build_from_source) process.exit(0);
const { buildNative, main } = await import('./build.mjs');
main(() => buildNative());
