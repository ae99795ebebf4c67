import fs from 'node:fs';

export default function teardown() {
  fs.rmSync(process.env.PALIGEMMA_TEST_FOLDER, { recursive: true, force: true });
}
