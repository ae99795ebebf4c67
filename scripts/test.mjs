#!/usr/bin/env node
// npm test [-- JEST OPTIONS]: from a fresh clone to the result of all tests.
import path from 'node:path';
import { runAndExit, setup } from './setup.mjs';

const root = await setup();
const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
// Tests are ES modules like what they test; Node calls the loader that Jest uses for them experimental.
runAndExit(['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest, ...process.argv.slice(2)]);
