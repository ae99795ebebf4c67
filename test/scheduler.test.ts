import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { program } from './helpers/fixtures.js';

// It ends with status 1 at the first promise that does not hold, and says which and with what seed.
test('slots, order, groups and ends are as the scheduler promises, whatever is asked, fails or is given up', async () => {
  const { stdout } = await promisify(execFile)(program('scheduler-test'), ['2000']);
  const { runs, asked, answered, aborted, together, held, padded, beside } = JSON.parse(stdout);
  expect(runs).toBe(2000);
  for (const count of [asked, answered, aborted, together, held, padded, beside])
    expect(count).toBeGreaterThan(runs / 2);
  expect(answered + aborted).toBeLessThanOrEqual(asked);
});
