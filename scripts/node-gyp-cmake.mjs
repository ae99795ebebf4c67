#!/usr/bin/env node
// What prebuildify calls in node-gyp's place: the portable CMake build, into build/ of the current folder.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildNative, main } from './build.mjs';

const flags = new Set(['--portable']);
if (process.env.PALIGEMMA_BACKEND) flags.add(`--${process.env.PALIGEMMA_BACKEND}`);
const toolchain = process.env.PALIGEMMA_TOOLCHAIN; // scripts/prebuild.mjs
const toolchains = path.join(path.dirname(fileURLToPath(import.meta.url)), 'toolchains');
const definitions = toolchain ? { CMAKE_TOOLCHAIN_FILE: path.join(toolchains, `${toolchain}.cmake`) } : {};
main(() => buildNative(flags, path.resolve('build'), definitions));
