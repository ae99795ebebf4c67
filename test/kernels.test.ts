import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { program } from './helpers/fixtures.js';

/** What this processor is said to have; where nobody says, the plain kernels are compared. */
const features = existsSync('/proc/cpuinfo')
  ? (/^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? [])
  : [];
const names = [
  'avx',
  'avx2',
  'avx_vnni',
  'avx512f',
  'avx512_vnni',
  'avx512_bf16',
  'amx_bf16',
  'asimd',
  'asimddp',
  'i8mm',
];
// With twins of instructions that few processors have: plain_pairs; plain_tiles, avx512_bf16.
const sets = ['plain', 'plain_pairs', 'plain_tiles', ...names.filter((name) => features.includes(name))];

describe('products of matrices are sums of products', () => {
  // It ends with status 1 at the first value that is off, and says where.
  test.each(sets)('with %s kernels', async (set) => {
    const { stdout } = await promisify(execFile)(program(`kernels-test-${set}`));
    expect(stdout).toMatch(/^ok \d{3}\n$/);
  });
});
