#!/usr/bin/env node
// npm start: from a fresh clone to the caption of a demo picture.
import path from 'node:path';
import { runAndExit, setup } from './setup.mjs';

const root = await setup();
const picture = path.join('examples', 'images', 'owl-and-cat.png');
const command = `paligemma caption ${picture}`;
console.error(`\n${command}`);
runAndExit(command, [path.join(root, 'cli', 'dist', 'cli.js'), 'caption', picture]);
