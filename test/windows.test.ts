// What Windows asks for, as far as it can be told on any system. `npm run test:windows` runs suites under Wine.
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { openSource } from '../cli/batch/sources/open.js';
import { withLongPaths } from '../lib/addon/long-paths.js';
import type { Addon } from '../lib/addon/native.js';
import { forNative, isLongPath } from '../lib/base/long-path.js';
import { move } from '../lib/base/move.js';
import { crashOf } from '../lib/engine/isolated/exit-status.js';
import { convert, PaliGemma } from '../lib/index.js';
import { PICTURE, reference, scratch } from './helpers/fixtures.js';

const windows = process.platform === 'win32';
const onWindows = windows ? describe : describe.skip;
const LONG = `C:\\${'Übungen\\'.repeat(40)}画像.png`;

describe('paths', () => {
  test('that are short stay as they are', () => {
    for (const file of ['C:\\Übungen\\画像.png', 'C:/models/x', 'x\\model.gguf', '\\\\machine\\share\\x'])
      expect(forNative(file, true)).toBe(file);
  });

  test('that are long are named in full, with drive letters and shares', () => {
    expect(forNative(LONG, true)).toBe(`\\\\?\\${LONG}`);
    expect(forNative(LONG.replaceAll('\\', '/'), true)).toBe(`\\\\?\\${LONG}`);
    expect(forNative(LONG.replace('C:\\', '\\\\machine\\share\\'), true)).toBe(
      LONG.replace('C:\\', '\\\\?\\UNC\\machine\\share\\'),
    );
  });

  test('are never long elsewhere', () => {
    expect(isLongPath(LONG, false)).toBe(false);
    expect(forNative(LONG, false)).toBe(LONG);
  });

  test('reach the addon in full, wherever it is given any', () => {
    const calls: unknown[] = [];
    const taken = (...given: unknown[]) => void calls.push(...given);
    class Model {
      constructor(...given: unknown[]) {
        taken(...given);
      }
    }
    const addon = {
      Model,
      judgeText: taken,
      judgeVision: taken,
      judgeTensors: taken,
      writeGguf: taken,
      devices: taken,
    };
    const long = withLongPaths(addon as unknown as Addon, true);
    const view = { path: LONG, offset: 0, type: 'f16', rows: [], columns: [] };
    new long.Model({ textPath: LONG, visionPath: LONG } as never, () => {});
    long.judgeText(LONG);
    long.judgeVision(LONG);
    long.judgeTensors(LONG, []);
    const lowRank = [{ left: view, right: view, scale: 1 }];
    const tensors = [{ name: 'a', shape: [1], type: 'f16', values: view, lowRank, add: 0 }];
    long.writeGguf({ path: LONG, threads: 1, values: [], tensors }, () => {});
    const told = JSON.stringify(calls);
    expect(told.split(JSON.stringify(LONG).slice(1, -1))).toHaveLength(10); // nine places
    expect(told.split(JSON.stringify(`\\\\?\\${LONG}`).slice(1, -1))).toHaveLength(10);
    expect(long.devices).toBe(addon.devices);
  });
});

describe('a file that gets its name', () => {
  afterEach(() => void jest.restoreAllMocks());

  /** A folder in whose place no file can come, until it is gone. */
  function occupied() {
    const folder = scratch('move');
    const [from, to] = ['a', 'b'].map((name) => path.join(folder, name)) as [string, string];
    fs.writeFileSync(from, 'new');
    return { from, to };
  }

  /** What Windows says while somebody has the file open. */
  function busy(times: number, code = 'EPERM') {
    const original = fs.promises.rename;
    return jest.spyOn(fs.promises, 'rename').mockImplementation(async (from, to) => {
      if (times-- > 0) throw Object.assign(new Error(`${code}: rename`), { code });
      return original(from, to);
    });
  }

  test.each(['EPERM', 'EBUSY', 'EACCES'])('waits on Windows while it is looked into: %s', async (code) => {
    const { from, to } = occupied();
    const rename = busy(3, code);
    await move(from, to, 'win32');
    expect(rename).toHaveBeenCalledTimes(4);
    expect(fs.readFileSync(to, 'utf8')).toBe('new');
  });

  test('does not wait for what will not pass, nor elsewhere', async () => {
    const { from, to } = occupied();
    const missing = busy(1, 'ENOENT');
    await expect(move(from, to, 'win32')).rejects.toThrow('ENOENT');
    expect(missing).toHaveBeenCalledTimes(1);
    jest.restoreAllMocks();
    const refused = busy(1);
    await expect(move(from, to, 'linux')).rejects.toThrow('EPERM');
    expect(refused).toHaveBeenCalledTimes(1);
  });

  test('is given up after some seconds', async () => {
    const { from, to } = occupied();
    busy(Number.POSITIVE_INFINITY);
    const started = performance.now();
    await expect(move(from, to, 'win32')).rejects.toThrow('EPERM');
    expect(performance.now() - started).toBeGreaterThan(1_500);
    expect(fs.readFileSync(from, 'utf8')).toBe('new');
  });
});

test('a model whose files cannot be replaced stays whole', async () => {
  const folder = scratch('in-use');
  fs.mkdirSync(path.join(folder, 'model.gguf', 'in-the-way'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'mmproj.gguf'), 'old');
  await expect(convert(reference('pg1-random'), folder, { quantization: 'f16' })).rejects.toMatchObject({
    code: 'ERR_CONVERSION_FAILED',
  });
  expect(fs.readdirSync(folder).sort()).toEqual(['mmproj.gguf', 'model.gguf']);
  expect(fs.readFileSync(path.join(folder, 'mmproj.gguf'), 'utf8')).toBe('old');
});

test('a crash is told by its signal, of which Windows knows none', () => {
  const statuses = [3, 3221225477, 0xc000001d, 1, 0, undefined];
  expect(statuses.map((status) => crashOf(status, 'win32'))).toEqual(['SIGABRT', 'SIGSEGV', 'SIGILL', ...Array(3)]);
  expect(crashOf(3, 'linux')).toBeUndefined();
});

describe('pictures and models in folders of any name', () => {
  const deep = path.join(...Array(30).fill('Übungen 画像'));
  const place = path.join(scratch('names'), deep);

  test('a picture by its path and by its URL', async () => {
    fs.mkdirSync(place, { recursive: true });
    const picture = path.join(place, '画像 ä [1].png');
    fs.copyFileSync(PICTURE, picture);
    expect(picture.length).toBeGreaterThan(300);
    await using model = await PaliGemma.load('embedded');
    const { pathToFileURL } = await import('node:url');
    for (const image of [picture, pathToFileURL(picture), String(pathToFileURL(picture))])
      expect(await model.caption(image)).toBe('an owl and a cat');
  });

  test('a model that is converted there and loaded from there', async () => {
    const folder = path.join(place, 'モデル');
    await convert(reference('pg1-random'), folder, { quantization: 'f16' });
    expect(path.join(folder, 'model.gguf').length).toBeGreaterThan(300);
    await using model = await PaliGemma.load(folder, { maxSequences: 1 });
    expect(model.info.architecture).toBe('paligemma');
    await expect(model.generate({ prompt: 'caption en', images: [PICTURE], maxTokens: 2 })).resolves.toMatchObject({
      finishReason: expect.stringMatching(/stop|length/),
    });
  });
});

onWindows('on Windows', () => {
  test('a pattern finds pictures on another drive, named as in a folder', async () => {
    const folder = scratch('drive');
    fs.copyFileSync(PICTURE, path.join(folder, 'a.png'));
    const items: unknown[] = [];
    for (const pattern of [path.join(folder, '?.png'), folder])
      for await (const item of openSource(pattern)) items.push(item);
    expect(items).toEqual(Array(2).fill({ image: path.join(folder, 'a.png') }));
  });

  test('slashes go both ways, and drive letters in any case', async () => {
    await using model = await PaliGemma.load('embedded');
    const slashes = PICTURE.replaceAll('\\', '/');
    for (const image of [PICTURE, slashes, slashes[0]?.toLowerCase() + slashes.slice(1), `file:///${slashes}`])
      expect(await model.caption(image)).toBe('an owl and a cat');
  });

  test('a file on another machine is not asked for where only a folder may be read', async () => {
    await using model = await PaliGemma.load('embedded', { imageAccess: { root: path.dirname(PICTURE) } });
    for (const image of ['\\\\192.0.2.1\\share\\x.png', '//192.0.2.1/share/x.png', 'file://192.0.2.1/share/x.png'])
      await expect(model.caption(image)).rejects.toMatchObject({ code: 'ERR_INVALID_IMAGE' });
  });
});
