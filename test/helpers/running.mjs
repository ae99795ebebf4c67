// Leaves word of the test that runs: when the process dies in it, scripts/test.mjs finds its name there.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect } from '@jest/globals';

const note = path.join(process.env.PALIGEMMA_TEST_FOLDER, 'running');
const file = path.relative(process.cwd(), expect.getState().testPath);

fs.writeFileSync(note, file);
beforeEach(() => fs.writeFileSync(note, `${file}, \u201c${expect.getState().currentTestName}\u201d`));
afterEach(() => fs.writeFileSync(note, file));
