// One folder for everything the tests write, shared by their processes and removed at the end.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export default function setup() {
  process.env.PALIGEMMA_TEST_FOLDER ??= fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-test-'));
  fs.mkdirSync(process.env.PALIGEMMA_TEST_FOLDER, { recursive: true }); // watching, Jest tears down after each run
}
