import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { EMBEDDED, program } from './helpers/fixtures.js';

// It ends with status 1 for an answer that is missing, doubled or wrong, and says which.
test('engines answer each request once and right, whatever is asked, given up or stopped at the same time', async () => {
  const { stdout } = await promisify(execFile)(program('engine-stress'), [EMBEDDED, '3']);
  const { engines, answered, aborted, complaints } = JSON.parse(stdout);
  expect(complaints).toBe(0);
  for (const count of [engines, answered, aborted]) expect(count).toBeGreaterThan(0);
});
