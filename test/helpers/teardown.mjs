import fs from 'node:fs';

export default function teardown() {
  fs.rmSync(process.env.PALIGEMMA_TEST_FOLDER, {
    recursive: true,
    force: true,
    maxRetries: 10, // Windows keeps what a process that was killed had open for a moment
  });
}
