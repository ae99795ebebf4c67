// What is on the disk already: without a network, and in the cache of Python's huggingface_hub.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { nameOfThis } from '../lib/base/holder.js';
import { pythonSnapshot } from '../lib/hub/snapshot.js';
import { download, listCache, modelInfo, PaliGemma } from '../lib/index.js';
import { withLock } from '../lib/weights/lock.js';
import { FakeHub } from './helpers/fake-hub.js';
import { EMBEDDED, emoji, PICTURE, scratch } from './helpers/fixtures.js';

const ID = 'emoji/paligemma-emoji-112';
const saved = { ...process.env };
let hub: FakeHub;
let cacheDir: string;

beforeAll(async () => {
  hub = await FakeHub.start();
});
beforeEach(() => {
  cacheDir = scratch('cache');
  process.env.HF_ENDPOINT = hub.url;
  process.env.HF_HOME = scratch('hf');
  for (const name of ['HF_TOKEN', 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HUB_OFFLINE']) delete process.env[name];
  hub.addRepo(ID, emoji('checkpoint'), { licence: 'cc-by-4.0' });
});
afterEach(() => {
  hub.reset();
  process.env = { ...saved };
  jest.restoreAllMocks();
});
afterAll(() => hub.close());

/** As huggingface_hub lays a repository out: blobs, and a snapshot of links to them. */
function pythonCache(commit: string, skip: RegExp = /^$/): string {
  const repo = path.join(process.env.HF_HOME as string, 'hub', `models--${ID.replace('/', '--')}`);
  const snapshot = path.join(repo, 'snapshots', commit);
  for (const folder of [snapshot, path.join(repo, 'blobs'), path.join(repo, 'refs')])
    fs.mkdirSync(folder, { recursive: true });
  for (const name of fs.readdirSync(emoji('checkpoint')).filter((one) => !skip.test(one))) {
    const blob = createHash('sha256').update(name).digest('hex');
    fs.copyFileSync(emoji('checkpoint', name), path.join(repo, 'blobs', blob));
    fs.symlinkSync(path.join('..', '..', 'blobs', blob), path.join(snapshot, name));
  }
  fs.writeFileSync(path.join(repo, 'refs', 'main'), commit);
  return snapshot;
}

const commitNow = async (): Promise<string> => {
  const folder = await download(ID, { cacheDir: scratch('other') });
  hub.requests.length = 0;
  return JSON.parse(fs.readFileSync(path.join(folder, 'source.json'), 'utf8')).commit;
};

describe('offline', () => {
  test.each([
    ['HF_HUB_OFFLINE=1', '1', {}],
    ['HF_HUB_OFFLINE=yes', 'yes', {}],
    ['HF_HUB_OFFLINE=TRUE', 'TRUE', {}],
    ['HF_HUB_OFFLINE=ON', 'ON', {}],
    ['localFilesOnly', '0', { localFilesOnly: true }],
  ])('by %s nothing is fetched', async (name, value, options) => {
    process.env.HF_HUB_OFFLINE = value;
    for (const call of [PaliGemma.load, download])
      await expect(call(ID, { cacheDir, ...options })).rejects.toMatchObject({
        code: 'ERR_MODEL_NOT_FOUND',
        message: expect.stringMatching(
          new RegExp(`offline \\(${name.split('=')[0]} is set\\).*paligemma download ${ID}`),
        ),
      });
    expect(hub.requests).toEqual([]);
  });

  test('what is in the cache is used, by load and by download', async () => {
    const folder = await download(ID, { cacheDir });
    hub.requests.length = 0;
    expect(await download(ID, { cacheDir, localFilesOnly: true })).toBe(folder);
    await using model = await PaliGemma.load(ID, { cacheDir, localFilesOnly: true });
    expect(model.info.path).toBe(folder);
    expect(hub.requests).toEqual([]);
  });

  test('a download that was kept is converted to other types', async () => {
    await download(ID, { cacheDir, keepSource: true });
    hub.requests.length = 0;
    const folder = await download(ID, { cacheDir, quantization: 'q8_0', localFilesOnly: true });
    expect((await modelInfo(folder)).quantization).toBe('q8_0');
    expect(hub.requests).toEqual([]);
  });

  test('is an option that is true or false', async () => {
    await expect(PaliGemma.load(ID, { localFilesOnly: 'yes' as never })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringContaining('localFilesOnly'),
    });
  });
});

describe("a checkpoint in Python's cache", () => {
  const COMMIT = '0123456789abcdef0123456789abcdef01234567';

  test('is converted from there without asking, and stays', async () => {
    const snapshot = pythonCache(COMMIT);
    {
      await using model = await PaliGemma.load(ID, { cacheDir });
      expect(await model.caption(PICTURE)).toBe('an owl and a cat');
    }
    expect(hub.requests).toEqual([]);
    expect(fs.readdirSync(snapshot)).toEqual(fs.readdirSync(emoji('checkpoint')));
    expect(fs.readFileSync(path.join(snapshot, 'model.safetensors')).length).toBeGreaterThan(1e6);
    expect(await listCache({ cacheDir })).toMatchObject([{ model: ID, commit: COMMIT, revision: 'main' }]);
  });

  test('is found where HF_HUB_CACHE says, by branch and by commit', async () => {
    pythonCache(COMMIT);
    process.env.HF_HUB_CACHE = path.join(process.env.HF_HOME as string, 'hub');
    process.env.HF_HOME = scratch('elsewhere');
    for (const revision of ['main', COMMIT]) expect((await pythonSnapshot(ID, revision))?.commit).toBe(COMMIT);
    for (const revision of ['dev', '../refs/main', '/main']) expect(await pythonSnapshot(ID, revision)).toBeUndefined();
  });

  test('saves download the files when it is the newest commit', async () => {
    const commit = await commitNow();
    pythonCache(commit);
    await download(ID, { cacheDir });
    expect(hub.requests.length).toBeGreaterThan(0);
    expect(hub.requests.filter(({ path: asked }) => asked.includes('/resolve/'))).toEqual([]);
  });

  test('is fetched by download when the hub has a newer one', async () => {
    pythonCache(COMMIT);
    await download(ID, { cacheDir });
    expect(hub.requests.some(({ path: asked }) => asked.includes('/resolve/'))).toBe(true);
  });

  test.each([
    ['weights', /safetensors/],
    ['tokenizer', /^tokenizer\.(model|json)$/],
    ['configuration', /^config\.json$/],
  ])('is fetched when its %s is missing', async (_, skip) => {
    pythonCache(COMMIT, skip);
    await PaliGemma.load(ID, { cacheDir }).then((model) => model.dispose());
    expect(hub.requests.some(({ path: asked }) => asked.includes('/resolve/'))).toBe(true);
  });
});

describe("GGUF files in Python's cache", () => {
  const COMMIT = 'abcdef0123456789abcdef0123456789abcdef01';

  test('are found by load and by info, and take nothing in', async () => {
    const snapshot = pythonCache(COMMIT, /./);
    for (const name of fs.readdirSync(EMBEDDED).filter((one) => one.endsWith('.gguf')))
      fs.copyFileSync(path.join(EMBEDDED, name), path.join(snapshot, name));
    expect((await modelInfo(ID, { cacheDir })).path).toBe(snapshot);
    await using model = await PaliGemma.load(ID, { cacheDir });
    expect(await model.caption(PICTURE)).toBe('an owl and a cat');
    for (const call of [PaliGemma.load, modelInfo, download])
      await expect(call(ID, { cacheDir, localFilesOnly: true, adapter: 'no/adapter' })).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringMatching(/leave out adapter/),
      });
    expect(hub.requests).toEqual([]);
  });
});

test('other types of a checkpoint are named before it is fetched again', async () => {
  await download(ID, { cacheDir, quantization: 'q8_0' });
  const said: string[] = [];
  await download(ID, { cacheDir, onNotice: (text) => void said.push(text) });
  expect(said).toEqual([expect.stringMatching(/convert it to f16; the cache has it in q8_0: quantization: 'q8_0'/)]);
  await download(ID, { cacheDir, quantization: 'q4_0', onNotice: (text) => void said.push(text) });
  expect(said).toHaveLength(1);
});

test('who waits for another process says for which', async () => {
  const folder = scratch('held');
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']);
  await once(child, 'spawn');
  // As the child would have named itself, but for its start.
  const name = nameOfThis().replace(/^\d+-\d*-/, `${child.pid}--`);
  fs.mkdirSync(path.join(folder, '.lock'));
  fs.writeFileSync(path.join(folder, '.lock', name), '');
  const said: string[] = [];
  const emit = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const waiting = withLock(
    folder,
    undefined,
    async () => 'done',
    (text) => void said.push(text),
  );
  const warned = withLock(folder, undefined, async () => 'done');
  while (said.length === 0 || emit.mock.calls.length === 0) await new Promise((tick) => setTimeout(tick, 20));
  child.kill();
  await once(child, 'exit');
  expect(await Promise.all([waiting, warned])).toEqual(['done', 'done']);
  expect(said).toEqual([`waiting for another process (pid ${child.pid}), which is at work in ${folder}`]);
  expect(emit.mock.calls).toEqual([[said[0], { type: 'PaliGemma', code: 'PALIGEMMA_WAITING' }]]);
});
