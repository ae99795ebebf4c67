// Where a model computes: which devices there are, what fits onto them, how many threads a processor is worth.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, jest, test } from '@jest/globals';
import { type NativeDevice, native } from '../lib/addon/native.js';
import { planDevice } from '../lib/engine/plan.js';
import { computeThreads } from '../lib/engine/processors.js';
import { listDevices, PaliGemma } from '../lib/index.js';
import type { ModelFolder } from '../lib/weights/model-folder.js';
import { EMBEDDED, emoji, PICTURE } from './helpers/fixtures.js';

const scenes = fs.readdirSync(emoji('scenes')).map((name) => emoji('scenes', name));

describe('devices', () => {
  test('the processor is always there, and the last choice', () => {
    const devices = listDevices();
    expect(devices.at(-1)).toMatchObject({ device: 'cpu' });
    expect(devices.at(-1)?.description).not.toBe('');
    expect(devices.at(-1)?.memory.total).toBeGreaterThan(1e8);
    expect(new Set(devices.map(({ device }) => device)).size).toBe(devices.length);
  });

  test.each([
    ['cuda:99', /there is no device "cuda:99" here; present: .*cpu/],
    ['vulkan:99', /there is no device "vulkan:99" here/],
  ] as const)('%s, which is not there', async (device, message) => {
    await expect(PaliGemma.load(EMBEDDED, { device })).rejects.toMatchObject({
      code: 'ERR_DEVICE_UNAVAILABLE',
      message: expect.stringMatching(message),
    });
  });

  test.each([
    [{ device: 'gpu' }],
    [{ device: 'cpu:1' }],
    [{ device: 'cuda:-1' }],
    [{ device: 7 }],
    [{ devices: [] }],
    [{ devices: 'cpu' }],
    [{ devices: ['auto'] }],
    [{ device: 'cpu', devices: ['cpu'] }],
  ])('%j is turned away', async (options) => {
    await expect(PaliGemma.load(EMBEDDED, options as object)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});

describe("device: 'auto'", () => {
  const GHOST: NativeDevice = {
    ...{ backend: 'cuda', index: 0, name: 'CUDA0-that-is-gone', description: 'a card' },
    ...{ freeBytes: 80e9, totalBytes: 80e9 },
  };
  const withCards = (...cards: NativeDevice[]) => {
    const real = native()
      .devices()
      .filter(({ backend }) => backend === 'cpu');
    jest.spyOn(native(), 'devices').mockReturnValue([...cards, ...real]);
    return jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  };
  afterEach(() => void jest.restoreAllMocks());

  test('goes on to the next device where one fails or is too small, and says which and why', async () => {
    const emit = withCards(GHOST, { ...GHOST, index: 1, freeBytes: 1e6 });
    await using model = await PaliGemma.load(EMBEDDED);
    expect(await model.caption(PICTURE)).toBe('an owl and a cat');
    expect(model.info).toMatchObject({ device: 'cpu', devices: ['cpu'] });
    expect(model.info.skippedDevices).toEqual([
      { device: 'cuda:0', reason: expect.stringMatching(/./) },
      { device: 'cuda:1', reason: expect.stringMatching(/cuda:1 has 0\.00 GB free/) },
    ]);
    expect(emit.mock.calls.map(([text, about]) => [text, (about as { code?: string }).code])).toEqual([
      [expect.stringMatching(/does not load onto cuda:0, trying cuda:1: ./), 'PALIGEMMA_DEVICE_SKIPPED'],
      [expect.stringMatching(/does not load onto cuda:1, trying cpu: cuda:1 has/), 'PALIGEMMA_DEVICE_SKIPPED'],
    ]);
  });

  test('is the only one that does', async () => {
    const emit = withCards(GHOST);
    for (const options of [{ device: 'cuda' }, { devices: ['cuda', 'cpu'] }] as const)
      await expect(PaliGemma.load(EMBEDDED, options as object)).rejects.toMatchObject({ name: 'PaliGemmaError' });
    expect(emit).not.toHaveBeenCalled();
  });

  test('does not go on where the caller ends it', async () => {
    withCards(GHOST);
    const thrown = new Error('enough');
    const onProgress = () => {
      throw thrown;
    };
    await expect(PaliGemma.load(EMBEDDED, { onProgress })).rejects.toBe(thrown);
  });

  test('skips nothing where the first one does', async () => {
    await using model = await PaliGemma.load(EMBEDDED, { device: 'cpu' });
    expect(model.info.skippedDevices).toEqual([]);
  });
});

describe('a model on several devices', () => {
  test('shares the work and answers as on one', async () => {
    await using one = await PaliGemma.load(EMBEDDED, { device: 'cpu', featureCache: 0 });
    await using two = await PaliGemma.load(EMBEDDED, { devices: ['cpu', 'cpu'], threads: 1, featureCache: 0 });
    expect(two.info).toMatchObject({ device: 'cpu', devices: ['cpu', 'cpu'], threads: 1 });
    expect(two.info.maxSequences).toBe(2 * one.info.maxSequences);
    expect(two.info.memory.weights).toBe(2 * one.info.memory.weights);
    const together = await Promise.all(scenes.map((scene) => two.caption(scene)));
    for (const [i, scene] of scenes.entries()) expect([i, together[i]]).toEqual([i, await one.caption(scene)]);
  });

  test('reports the load of all as one', async () => {
    const shares: number[] = [];
    const model = await PaliGemma.load(EMBEDDED, {
      devices: ['cpu', 'cpu', 'cpu'],
      onProgress: ({ done }) => void shares.push(done),
    });
    await model.dispose();
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
    await expect(model.caption(PICTURE)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });
});

describe('what fits onto a card', () => {
  const card = (gigabytes: number): NativeDevice => ({
    backend: 'cuda',
    index: 0,
    name: 'CUDA0',
    description: 'a card',
    freeBytes: gigabytes * 1e9,
    totalBytes: gigabytes * 1e9,
  });
  // PaliGemma 3B at 224 pixels in f16
  const model = {
    name: 'paligemma-3b',
    textType: 'f16',
    weightBytes: 5.85e9,
    vocabulary: 257216,
    hyperparameters: {
      text: { width: 2048, layers: 18, heads: 8, keyValueHeads: 1, headSize: 256, mlpWidth: 16384 },
      vision: { width: 1152, layers: 27, heads: 16, mlpWidth: 4304, imageSize: 224, patchSize: 14 },
    },
  } as ModelFolder;
  const wanted = { contextTokens: 2560, cacheType: 'f16' as const, maxSequences: undefined };

  test('a large one takes 128 requests at a time and large batches', () => {
    expect(planDevice(model, card(80), wanted)).toEqual({
      maxSequences: 128,
      batchTokens: 8192,
      visionBatchTokens: 8192,
    });
  });
  test.each([24, 16, 12, 8])('on %d GB everything planned fits, and more would not', (gigabytes) => {
    const plan = planDevice(model, card(gigabytes), wanted);
    expect(plan.maxSequences).toBeGreaterThanOrEqual(1);
    expect(plan.batchTokens).toBeGreaterThanOrEqual(2560);
    const same = { ...wanted, maxSequences: plan.maxSequences };
    expect(planDevice(model, card(gigabytes), same).maxSequences).toBe(plan.maxSequences);
    if (plan.maxSequences < 128) {
      expect(() => planDevice(model, card(gigabytes), { ...wanted, maxSequences: 256 })).toThrow(
        expect.objectContaining({
          code: 'ERR_OUT_OF_MEMORY',
          message: expect.stringMatching(/give maxSequences \d+ or less/),
        }),
      );
    }
  });
  test('one that is too small: how much is needed, and what to change', () => {
    expect(() => planDevice(model, card(6), wanted)).toThrow(
      expect.objectContaining({
        code: 'ERR_OUT_OF_MEMORY',
        message: expect.stringMatching(
          /cuda:0 has 6\.00 GB free; paligemma-3b in f16 needs \d\.\d+ GB .* fewer bits, give a smaller contextTokens, or use device: 'cpu'/,
        ),
      }),
    );
  });
});

describe('threads to compute with', () => {
  const machines = fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-machines-'));
  afterAll(() => fs.rmSync(machines, { recursive: true }));

  /** The files by which Linux describes a machine. */
  function machine(files: Record<string, string>): string {
    const root = fs.mkdtempSync(`${machines}/`);
    for (const [name, text] of Object.entries(files)) {
      fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
      fs.writeFileSync(path.join(root, name), `${text}\n`);
    }
    return `${root}/`;
  }
  const topology = (pairs: string[]) =>
    Object.fromEntries(
      pairs.map((siblings, n) => [`sys/devices/system/cpu/cpu${n}/topology/thread_siblings_list`, siblings]),
    );
  const allowed = (list: string) => ({ 'proc/self/status': `Name:\tnode\nCpus_allowed_list:\t${list}` });
  const eight = topology(['0,4', '1,5', '2,6', '3,7', '0,4', '1,5', '2,6', '3,7']);
  const linux = process.platform === 'linux' ? test : test.skip;

  linux.each([
    ['four cores of two threads', { ...eight, ...allowed('0-7') }, 4],
    ['one thread of each of two cores', { ...eight, ...allowed('0,1') }, 2],
    ['both threads of one core', { ...eight, ...allowed('1,5') }, 1],
    [
      'a container with two processors of time',
      { ...eight, ...allowed('0-7'), 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': '200000 100000' },
      2,
    ],
    [
      'a container with half of one',
      { ...eight, ...allowed('0-7'), 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': '50000 100000' },
      1,
    ],
    [
      'a limit on a group around it',
      {
        ...eight,
        ...allowed('0-7'),
        'proc/self/cgroup': '0::/a/b',
        'sys/fs/cgroup/a/cpu.max': '300000 100000',
        'sys/fs/cgroup/a/b/cpu.max': 'max 100000',
      },
      3,
    ],
    [
      'a limit in the older hierarchy',
      {
        ...eight,
        ...allowed('0-7'),
        'proc/self/cgroup': '4:cpu,cpuacct:/a\n0::/',
        'sys/fs/cgroup/cpu/a/cpu.cfs_quota_us': '100000',
        'sys/fs/cgroup/cpu/a/cpu.cfs_period_us': '100000',
      },
      1,
    ],
    ['no limit', { ...eight, ...allowed('0-7'), 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': 'max 100000' }, 4],
    ['processors that tell nothing', allowed('0-2'), 3],
  ])('%s', (_, files, threads) => {
    expect(computeThreads(machine(files as Record<string, string>))).toBe(threads);
  });

  test('here', () => {
    expect(computeThreads()).toBeGreaterThanOrEqual(1);
    expect(computeThreads()).toBeLessThanOrEqual(os.availableParallelism());
  });
});
