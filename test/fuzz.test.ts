// A few cases of each kind of damage, always the same: `npm run fuzz` has as many as one has time for.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ROOT, scratch, within } from './helpers/fixtures.js';

interface Summary {
  cases: number;
  answered: number;
  refused: Record<string, number>;
  kinds: Record<string, number>;
}

function fuzz(...args: string[]): Promise<{ status: number; summary: Summary; folder: string }> {
  const folder = scratch('fuzz');
  const command = [path.join(ROOT, 'test', 'fuzz', 'run.mjs'), ...args, '--keep', folder, '--timeout', '60'];
  return new Promise((resolve) => {
    const done = (error: Error | null, out: string) =>
      resolve({
        status: error ? ((error as { code?: number }).code ?? -1) : 0,
        summary: JSON.parse(out || '{}'),
        folder,
      });
    execFile(process.execPath, command, done);
  });
}

describe('what is damaged is answered or refused with the right error, and the process lives', () => {
  test.each<[string, number, ...string[]]>([
    ['models', 150, '--judge'],
    ['checkpoints', 40],
    ['images', 100],
    ['npz', 30],
    ['tars', 40],
    ['lists', 40],
    ['requests', 60],
  ])(
    '%s',
    async (target, count, ...more) => {
      const { status, summary } = await fuzz(target, '--count', String(count), '--seed', '8', '--jobs', '1', ...more);
      expect(summary.kinds).toEqual({});
      expect(summary.cases).toBe(count);
      expect(status).toBe(0);
      // Damage that is always refused, or never, would try nothing.
      expect(summary.answered).toBeGreaterThan(0);
      if (target !== 'lists') expect(Object.keys(summary.refused)).not.toEqual([]);
    },
    within(180_000),
  );
});

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

test('a case can be had again by its number, byte for byte', async () => {
  const digests = async () => {
    const { folder } = await fuzz('models', '--judge', '--seed', '5', '--only', '3');
    const place = path.join(folder, 'models-5-3');
    return fs.readdirSync(place).map((name) => [name, digest(fs.readFileSync(path.join(place, name)))]);
  };
  const [once, again] = [await digests(), await digests()];
  expect(once.map(([name]) => name)).toEqual(['case.json', 'mmproj.gguf', 'model.gguf']);
  expect(again).toEqual(once);
});
