import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { LoadedModelInfo } from 'node-paligemma';
import { INSTRUCTION_SETS, measurePeaks } from 'node-paligemma/support';
import { residentBytes } from '../cli/bench/resident.js';
import { peakOf, sharesOf } from '../cli/bench/shares.js';
import { addonFile } from '../lib/addon/locate.js';
import { paligemma } from './helpers/command.js';

const PEAKS = { float32: 100e9, int8: 400e9, tiles: 0, reading: 10e9 };

describe('shares of what the processor can do', () => {
  test('are of the products that a type goes through', () => {
    expect(peakOf('f16', PEAKS)).toBe(100e9);
    expect(peakOf('q4_k_m', PEAKS)).toBe(400e9);
    expect(peakOf('q8_0', { ...PEAKS, int8: 0 })).toBe(100e9);
    const tiles = { ...PEAKS, tiles: 4e12 };
    expect(peakOf('f32', tiles)).toBe(100e9);
    expect(peakOf('f16', tiles)).toBe(1e12);
    expect(peakOf('bf16', tiles)).toBe(2e12);
    expect(peakOf('q4_0', tiles)).toBe(4e12);
  });

  test('count each weight once a token, and the output matrix for one position', () => {
    const info = {
      vocabulary: 1000,
      width: 10,
      imageTokens: 4,
      quantization: 'q4_0',
      visionQuantization: 'f16',
      files: [
        { parameters: 110_000, bytes: 5_000_000 },
        { parameters: 50_000, bytes: 100_000 },
      ],
    } as LoadedModelInfo;
    const shares = sharesOf(info, PEAKS, { vision: 0.008, prefill: 0.02, token: 1 }, 6);
    expect(shares.vision).toBeCloseTo((2 * 50_000 * 4) / 100e9 / 8e-6);
    expect(shares.prefix).toBeCloseTo((2 * (100_000 * 6 + 10_000)) / 400e9 / 2e-5);
    expect(shares.token).toBeCloseTo(0.5);
  });
});

test('peaks are those of this processor', async () => {
  const peaks = await measurePeaks(1);
  expect(peaks.float32).toBeGreaterThan(1e8);
  expect(peaks.reading).toBeGreaterThan(1e8);
  expect(peaks.int8 === 0 || peaks.int8 > peaks.float32).toBe(true);
});

(process.platform === 'linux' ? test : test.skip)('resident memory is that of the largest moment', () => {
  expect(residentBytes()).toBeGreaterThanOrEqual(process.memoryUsage.rss());
});

describe('--isa', () => {
  test('knows the names of this architecture', async () => {
    const { status, err } = await paligemma('bench', '--isa', 'mmx');
    expect(status).toBe(2);
    for (const name of INSTRUCTION_SETS) expect(err).toContain(name);
  });

  // A build from source has code for one processor only; prebuilt packages have some for each.
  const several = fs.readdirSync(path.dirname(addonFile())).some((name) => name.includes('ggml-cpu-'));
  test(several ? 'holds the processor to a set' : 'says that this build has no other code', async () => {
    const set = INSTRUCTION_SETS[0] as string;
    const { status, out, err } = await paligemma('bench', '--isa', set, '--requests', '1', '--concurrency', '1');
    if (several) expect({ status, out }).toMatchObject({ status: 0, out: expect.stringMatching(/^vision/m) });
    else
      expect({ status, err }).toMatchObject({
        status: 1,
        err: expect.stringMatching(/DEVICE_UNAVAILABLE.*--portable/),
      });
  });
});
