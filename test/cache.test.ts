// From the hub, or a checkpoint on the disk, to a model in the cache that runs.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { slugOf } from '../lib/hub/cache.js';
import { cacheFolder, convert, download, listCache, modelInfo, PaliGemma, removeFromCache } from '../lib/index.js';
import type { Progress } from '../lib/types.js';
import { copyCheckpoint } from './helpers/checkpoints.js';
import { FakeHub } from './helpers/fake-hub.js';
import {
  emoji,
  largestDifference,
  PICTURE,
  ROOT,
  readFloats,
  readJson,
  reference,
  scratch,
} from './helpers/fixtures.js';

let hub: FakeHub;
let cacheDir: string;
const EMOJI = 'emoji/paligemma-emoji-112';
/** The emoji model's weights in the hub's storage. */
const WEIGHTS = new RegExp(
  createHash('sha256')
    .update(fs.readFileSync(emoji('checkpoint', 'model.safetensors')))
    .digest('hex'),
);
const saved = { ...process.env };

beforeAll(async () => {
  hub = await FakeHub.start();
});
beforeEach(() => {
  cacheDir = scratch('cache');
  process.env.HF_ENDPOINT = hub.url;
  process.env.HF_HOME = scratch('hf');
  delete process.env.HF_TOKEN;
  hub.addRepo(EMOJI, emoji('checkpoint'), { licence: 'cc-by-4.0' });
});
afterEach(() => {
  hub.reset();
  process.env = { ...saved };
  jest.restoreAllMocks();
});
afterAll(() => hub.close());

const both = (folder: string) => ['model.gguf', 'mmproj.gguf'].map((name) => fs.readFileSync(path.join(folder, name)));
const entries = (folder: string): string[] => (fs.existsSync(folder) ? fs.readdirSync(folder).sort() : []);

describe('a model on the hub', () => {
  test('is fetched, converted, kept and run; the second time nobody is asked', async () => {
    const stages: string[] = [];
    const onProgress = ({ stage }: Progress) => void (stages.at(-1) === stage || stages.push(stage));
    {
      await using model = await PaliGemma.load(EMOJI, { quantization: 'q4_k_m', cacheDir, onProgress });
      expect(await model.caption(PICTURE)).toBe('an owl and a cat');
      expect(model.info).toMatchObject({
        name: 'paligemma-emoji-112',
        quantization: 'q4_k_m',
        visionQuantization: 'q8_0',
        licence: 'cc-by-4.0',
        embedded: false,
      });
    }
    expect(stages).toEqual(['download', 'convert', 'load']);
    expect(entries(path.join(cacheDir, 'downloads', slugOf(EMOJI)))).toEqual([]); // the checkpoint is not kept

    hub.requests.length = 0;
    process.env.HF_ENDPOINT = 'http://127.0.0.1:9'; // nobody listens
    await using model = await PaliGemma.load(EMOJI, { quantization: 'q4_k_m', cacheDir });
    expect(await model.caption(PICTURE)).toBe('an owl and a cat');
    expect(hub.requests).toEqual([]);
  });

  test('becomes the files that converting its folder gives', async () => {
    const folder = await download(EMOJI, { quantization: 'q8_0', cacheDir });
    const target = scratch('direct');
    await convert(emoji('checkpoint'), target, {
      quantization: 'q8_0',
      name: 'paligemma-emoji-112',
      licence: 'cc-by-4.0',
    });
    expect(both(folder).map((file, i) => file.equals(both(target)[i] as Buffer))).toEqual([true, true]);
  });

  test('is kept once for each way it is made', async () => {
    const folders = [
      await download(EMOJI, { quantization: 'f16', cacheDir }),
      await download(EMOJI, { quantization: 'q8_0', cacheDir }),
      await download(EMOJI, { quantization: 'q8_0', visionQuantization: 'f16', cacheDir }),
      await download(EMOJI, { quantization: 'q8_0', maskDecoder: emoji('vae-emoji.npz'), cacheDir }),
    ];
    expect(new Set(folders).size).toBe(4);
    expect((await modelInfo(folders[3] as string)).maskDecoder).toBe(true);
    expect(await download(EMOJI, { quantization: 'q8_0', visionQuantization: 'q8_0', cacheDir })).toBe(folders[1]);
    expect(await listCache({ cacheDir })).toHaveLength(4);
  });

  test('is asked for its newest commit by download, not by load', async () => {
    const first = await download(EMOJI, { cacheDir });
    const files = new Map(
      fs.readdirSync(emoji('checkpoint')).map((name) => [name, fs.readFileSync(emoji('checkpoint', name))]),
    );
    files.set('generation_config.json', Buffer.from('{"_": "changed"}'));
    hub.addRepo(EMOJI, files);
    expect((await modelInfo(EMOJI, { cacheDir })).path).toBe(first);
    const second = await download(EMOJI, { cacheDir });
    expect(second).not.toBe(first);
    expect((await modelInfo(EMOJI, { cacheDir })).path).toBe(second);
    const commit = path.basename(first).slice(0, 12);
    const known = (await listCache({ cacheDir })).find((entry) => entry.commit?.startsWith(commit));
    expect((await modelInfo(EMOJI, { cacheDir, revision: known?.commit as string })).path).toBe(first);
  });

  test('is kept apart for versions whose names begin alike', async () => {
    const changed = new Map(
      fs.readdirSync(emoji('checkpoint')).map((name) => [name, fs.readFileSync(emoji('checkpoint', name))]),
    );
    changed.set('generation_config.json', Buffer.from('{"_": "changed"}'));
    const names = ['release-2024-01', 'release-2024-02'];
    const contents = [emoji('checkpoint'), changed];
    const folders: string[] = [];
    for (const [i, name] of names.entries()) {
      hub.addRepo('other/server', contents[i] as string, { commit: name, branch: name });
      folders.push(await download('other/server', { cacheDir, revision: name }));
    }
    expect(new Set(folders).size).toBe(2);
    expect((await listCache({ cacheDir })).map(({ commit }) => commit).sort()).toEqual(names);
    for (const [i, revision] of names.entries())
      expect((await modelInfo('other/server', { cacheDir, revision })).path).toBe(folders[i]);
  });

  test('is continued after a break in the middle of a file', async () => {
    hub.fault(WEIGHTS, { on: 'cdn', breakAfter: 4_000_000 });
    const folder = await download(EMOJI, { cacheDir });
    expect(await modelInfo(folder)).toMatchObject({ layers: 4 });
    expect(hub.seen('cdn', WEIGHTS).map(({ range }) => range)).toEqual([
      undefined,
      expect.stringMatching(/^bytes=\d+-$/),
    ]);
  });

  test('is left as it is when aborted, and continued the next time', async () => {
    const abort = new AbortController();
    hub.fault(WEIGHTS, { on: 'cdn', throttle: 60_000 });
    const onProgress = ({ done }: Progress) => done > 500_000 && abort.abort(new Error('enough'));
    await expect(download(EMOJI, { cacheDir, signal: abort.signal, onProgress })).rejects.toThrow('enough');
    expect(await listCache({ cacheDir })).toEqual([]);
    hub.requests.length = 0;
    await download(EMOJI, { cacheDir });
    expect(hub.seen('cdn', WEIGHTS).map(({ range }) => range)).toEqual([expect.stringMatching(/^bytes=\d+-$/)]);
  });

  test('that is gated says where its licence is accepted', async () => {
    hub.addRepo('google/paligemma-gated', emoji('checkpoint'), { gated: ['hf_right'], licence: 'gemma' });
    await expect(PaliGemma.load('google/paligemma-gated', { cacheDir })).rejects.toMatchObject({
      code: 'ERR_GATED_MODEL',
      message: expect.stringContaining(`${hub.url}/google/paligemma-gated`),
    });
    process.env.HF_TOKEN = 'hf_right';
    const notices: string[] = [];
    const onNotice = (text: string) => void notices.push(text);
    await download('google/paligemma-gated', { cacheDir, onNotice });
    await download('google/paligemma-gated', { cacheDir, onNotice, quantization: 'q8_0' });
    expect(notices).toEqual([expect.stringMatching(/Gemma Terms of Use.*ai\.google\.dev\/gemma\/terms/)]);
  });

  test('that does not exist, and a path that does not, are told apart', async () => {
    await expect(PaliGemma.load('nobody/nothing', { cacheDir, token: 'hf_any' })).rejects.toMatchObject({
      code: expect.stringMatching(/ERR_MODEL_NOT_FOUND|ERR_GATED_MODEL/),
      message: expect.stringContaining('nobody/nothing'),
    });
    await expect(PaliGemma.load('./nobody/nothing', { cacheDir })).rejects.toMatchObject({
      code: 'ERR_MODEL_NOT_FOUND',
      message: expect.stringMatching(/neither a folder nor a hub id .* nor 'embedded'/),
    });
  });

  test('with a LoRA adapter from the hub is the merged model', async () => {
    hub.addRepo('random/pg1', copyCheckpoint(reference('pg1-random')));
    const lora = copyCheckpoint(reference('variants', 'pg1-lora'));
    hub.addRepo('random/pg1-lora', lora);
    const options = { quantization: 'f32', adapter: 'random/pg1-lora', cacheDir } as const;
    const expected = readJson(path.join(lora, 'expected.json'));
    const request = { prompt: expected.prompt, images: [reference('images', expected.image)] };
    {
      await using model = await PaliGemma.load('random/pg1', options);
      const { logits } = await model.trace(request);
      expect(largestDifference(logits, readFloats(path.join(lora, expected.prefix_logits)))).toBeLessThan(0.001);
    }
    process.env.HF_ENDPOINT = 'http://127.0.0.1:9';
    expect((await modelInfo('random/pg1', options)).path).not.toBe('');
    await expect(modelInfo('random/pg1', { quantization: 'f32', cacheDir })).rejects.toMatchObject({
      code: 'ERR_MODEL_NOT_FOUND',
      message: expect.stringMatching(/paligemma download random\/pg1/),
    });
    await expect(PaliGemma.load('random/pg1-lora', { cacheDir, token: 'hf_x' })).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED_MODEL', // known from what is here already
    });
  });

  test('that is an adapter says what to load', async () => {
    hub.addRepo('random/pg1-lora', reference('variants', 'pg1-lora'));
    await expect(PaliGemma.load('random/pg1-lora', { cacheDir })).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED_MODEL',
      message: expect.stringMatching(/adapter: 'random\/pg1-lora'/),
    });
  });

  test('of ready-made GGUF files is loaded as it is', async () => {
    const made = scratch('made');
    await convert(emoji('checkpoint'), made, { quantization: 'q8_0' });
    const [text, vision] = both(made) as [Buffer, Buffer];
    const files = new Map([
      ['emoji-Q8_0.gguf', text],
      ['mmproj-emoji-Q8_0.gguf', vision],
      ['README.md', Buffer.from('# emoji')],
    ]);
    hub.addRepo('emoji/gguf', files);
    await using model = await PaliGemma.load('emoji/gguf', { cacheDir });
    expect(await model.caption(PICTURE)).toBe('an owl and a cat');
    expect(model.info.quantization).toBe('q8_0');
    expect((await listCache({ cacheDir })).map((entry) => entry.quantization)).toEqual(['q8_0']);
    await expect(PaliGemma.load('emoji/gguf', { cacheDir, quantization: 'q4_0' })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(/text q8_0, vision q8_0/),
    });
  });

  test('of big_vision files is converted with the tokenizer beside them', async () => {
    const tokenizer = fs.readFileSync(reference('pg1-random', 'tokenizer.model'));
    const npz = fs.readFileSync(reference('variants', 'pg1-random.npz'));
    hub.addRepo('random/pg1-jax', new Map([['pg1.npz', npz], ['paligemma_tokenizer.model', tokenizer]])); // biome-ignore format: two files
    const folder = await download('random/pg1-jax', { cacheDir });
    expect(await modelInfo(folder)).toMatchObject({ name: 'pg1-jax', width: 96, vocabulary: 3776 });
  });
});

describe('a checkpoint on the disk', () => {
  test('is converted into the cache, anew when it changes', async () => {
    const checkpoint = copyCheckpoint(emoji('checkpoint'));
    await using model = await PaliGemma.load(checkpoint, { quantization: 'q8_0', cacheDir });
    expect(await model.caption(PICTURE)).toBe('an owl and a cat');
    const { path: first } = model.info;
    expect(first.startsWith(cacheDir)).toBe(true);
    expect((await modelInfo(checkpoint, { quantization: 'q8_0', cacheDir })).path).toBe(first);
    fs.appendFileSync(path.join(checkpoint, 'generation_config.json'), ' ');
    await using again = await PaliGemma.load(checkpoint, { quantization: 'q8_0', cacheDir });
    expect(again.info.path).not.toBe(first);
  });

  test('is never written to', async () => {
    const checkpoint = copyCheckpoint(emoji('checkpoint'));
    const before = entries(checkpoint);
    await download(checkpoint, { cacheDir });
    expect(entries(checkpoint)).toEqual(before);
  });
});

describe('the cache', () => {
  test('is where the option or PALIGEMMA_CACHE says', async () => {
    expect(cacheFolder('/some/where')).toBe(path.resolve('/some/where'));
    process.env.PALIGEMMA_CACHE = '/else/where';
    expect(cacheFolder()).toBe(path.resolve('/else/where'));
    delete process.env.PALIGEMMA_CACHE;
    expect(cacheFolder()).toMatch(/node-paligemma/);
  });

  test('lists what it holds and removes it', async () => {
    await download(EMOJI, { quantization: 'q8_0', cacheDir });
    await download(EMOJI, { quantization: 'q4_0', cacheDir });
    const checkpoint = copyCheckpoint(emoji('checkpoint'));
    await download(checkpoint, { cacheDir });
    const listed = await listCache({ cacheDir });
    expect(listed.map(({ model, quantization }) => [model, quantization])).toEqual([
      [checkpoint, 'f16'],
      [EMOJI, 'q4_0'],
      [EMOJI, 'q8_0'],
    ]);
    for (const { path: folder, bytes } of listed)
      expect(bytes).toBeGreaterThan(fs.statSync(path.join(folder, 'model.gguf')).size);
    expect(await removeFromCache(EMOJI, { cacheDir })).toHaveLength(2);
    expect((await listCache({ cacheDir })).map(({ model }) => model)).toEqual([checkpoint]);
    await removeFromCache(undefined, { cacheDir });
    expect(await listCache({ cacheDir })).toEqual([]);
    expect(await removeFromCache('never/there', { cacheDir })).toEqual([]);
  });

  test('that cannot be written says what to set', async () => {
    const file = path.join(scratch('file'), 'a-file');
    fs.writeFileSync(file, '');
    await expect(download(EMOJI, { cacheDir: file })).rejects.toMatchObject({
      message: expect.stringMatching(/PALIGEMMA_CACHE or the option cacheDir/),
    });
  });

  test('refuses options of the wrong kind', async () => {
    for (const bad of [{ cacheDir: 5 }, { revision: '' }, { token: {} }, { quantization: 'q3' }, { adapter: 1 }])
      await expect(PaliGemma.load(EMOJI, bad as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    for (const bad of [{ cacheDir: 5 }, { revision: 7 }, { quantization: 'q3' }])
      await expect(download(EMOJI, bad as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(download(5 as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});

describe('several at once', () => {
  test('in one process: one works, the others take what it made', async () => {
    const folders = await Promise.all(Array.from({ length: 4 }, () => download(EMOJI, { cacheDir })));
    expect(new Set(folders).size).toBe(1);
    expect(hub.requests.filter(({ side }) => side === 'cdn')).toHaveLength(
      new Set(hub.requests.filter(({ side }) => side === 'cdn').map((request) => request.path)).size,
    );
  });

  const cli = (args: string[]) => {
    const child = spawn(process.execPath, [path.join(ROOT, 'cli', 'dist', 'cli.js'), ...args], {
      env: { ...process.env, PALIGEMMA_CACHE: cacheDir },
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (err += data));
    const ended = new Promise<{ status: number | null; out: string; err: string }>((resolve) =>
      child.on('close', (status) => resolve({ status, out, err })),
    );
    return { child, ended };
  };

  test('in two processes: both end with the same model', async () => {
    const [a, b] = await Promise.all([cli(['download', EMOJI]).ended, cli(['download', EMOJI]).ended]);
    expect([a.status, b.status]).toEqual([0, 0]);
    expect(a.out).toBe(b.out);
    expect(await modelInfo(a.out.trim())).toMatchObject({ layers: 4 });
  });

  test('what one is fetching is not removed by another', async () => {
    const done = await download(EMOJI, { quantization: 'q8_0', cacheDir });
    hub.addRepo('emoji/kept', emoji('checkpoint'));
    const kept = await download('emoji/kept', { quantization: 'q8_0', cacheDir });
    hub.fault(WEIGHTS, { on: 'cdn', stallAfter: 100_000 });
    const { child, ended } = cli(['download', EMOJI]);
    while (!fs.existsSync(path.join(path.dirname(done), '.lock'))) await new Promise((tick) => setTimeout(tick, 20));
    for (const what of [[EMOJI], ['--all']]) {
      const { status, err } = await cli(['cache', 'remove', ...what]).ended;
      expect({ status, err }).toEqual({
        status: 1,
        err: expect.stringMatching(
          new RegExp(`ERR_IN_USE: another process \\(pid ${child.pid}\\) is fetching or converting`),
        ),
      });
    }
    expect([done, kept].every((folder) => fs.existsSync(path.join(folder, 'model.gguf')))).toBe(true);
    child.kill('SIGKILL');
    await ended;
    expect(await removeFromCache(undefined, { cacheDir })).toHaveLength(2);
    expect([...entries(path.join(cacheDir, 'models')), ...entries(path.join(cacheDir, 'downloads'))]).toEqual([]);
  });

  (process.platform === 'win32' ? test.skip : test)('Ctrl-C ends a download with 130', async () => {
    hub.fault(WEIGHTS, { on: 'cdn', stallAfter: 100_000 });
    const { child, ended } = cli(['download', EMOJI]);
    while (hub.seen('cdn').length === 0) await new Promise((tick) => setTimeout(tick, 20));
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ status: 130, err: expect.stringMatching(/interrupted; nothing was changed/) });
  });

  test('when one is killed at any moment, the next one takes over and ends well', async () => {
    for (const delay of [0, 150, 300, 450, 600]) {
      const killed = cli(['convert', emoji('checkpoint'), path.join(cacheDir, 'target'), '--quantization', 'q4_k_m']);
      setTimeout(() => killed.child.kill('SIGKILL'), 200 + delay);
      await killed.ended;
    }
    const { status, err } = await cli([
      'convert',
      emoji('checkpoint'),
      path.join(cacheDir, 'target'),
      '--quantization',
      'q4_k_m',
    ]).ended;
    expect([status, err]).toEqual([0, expect.stringMatching(/Converted in/)]);
    expect(entries(path.join(cacheDir, 'target'))).toEqual(['mmproj.gguf', 'model.gguf']);
    expect(await modelInfo(path.join(cacheDir, 'target'))).toMatchObject({ quantization: 'q4_k_m' });
  });
});
