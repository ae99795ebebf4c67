import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { downloadFiles, type FetchOptions } from '../lib/hub/download.js';
import { isHubId, openRepo } from '../lib/hub/hub.js';
import { hubEndpoint, retryAfterMs } from '../lib/hub/hub-client.js';
import { neededFiles } from '../lib/hub/hub-files.js';
import { hubToken } from '../lib/hub/token.js';
import type { Progress } from '../lib/types.js';
import { FakeHub } from './helpers/fake-hub.js';
import { scratch } from './helpers/fixtures.js';

const ID = 'owner/name';
const WEIGHTS = randomBytes(300_000);
const CONFIG = Buffer.from('{"model_type": "paligemma"}');
const FILES = new Map([
  ['config.json', CONFIG],
  ['model.safetensors', WEIGHTS],
]);
const GATED = 'owner/gated';
const TOKEN = 'hf_has_access';
/** Quick, and deaf to the environment of who runs the tests. */
const quick = { retryDelayMs: 1, parallel: 1 };
const VARIABLES = [
  'HF_ENDPOINT',
  'HF_TOKEN',
  'HUGGING_FACE_HUB_TOKEN',
  'HF_TOKEN_PATH',
  'HF_HOME',
  'XDG_CACHE_HOME',
  'HF_HUB_DISABLE_IMPLICIT_TOKEN',
];

let hub: FakeHub;
const environment = { ...process.env };
const clearEnvironment = () => {
  for (const name of VARIABLES) delete process.env[name];
  process.env.HF_HOME = scratch('no-token');
};

beforeAll(async () => {
  clearEnvironment();
  hub = await FakeHub.start();
  hub.addRepo(ID, FILES, { licence: 'gemma' });
  hub.addRepo(GATED, FILES, { gated: [TOKEN] });
  hub.tokens.add('hf_no_access');
});
afterEach(() => {
  hub.reset();
  clearEnvironment();
  jest.restoreAllMocks();
});
afterAll(async () => {
  Object.assign(process.env, environment);
  await hub.close();
});

const open = (id = ID, access = {}) => openRepo(id, 'main', { endpoint: hub.url, retryDelayMs: 1, ...access });
async function download(folder: string, options: FetchOptions = {}, id = ID) {
  const repo = await open(id);
  await downloadFiles(repo, repo.files, folder, { ...quick, ...options });
}
const read = (folder: string, name = 'model.safetensors') => fs.readFileSync(path.join(folder, name));
const sizeOf = (file: string) => fs.statSync(file, { throwIfNoEntry: false })?.size ?? -1;
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5);
}
const errorOf = (work: Promise<unknown>): Promise<{ code?: string; message: string }> =>
  work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error) => error,
  );

describe('what a repository holds', () => {
  test('is its files with sizes and checksums at the commit of the revision', async () => {
    const commit = hub.addRepo('owner/tagged', new Map([['old.txt', Buffer.from('old')]]), { branch: 'refs/pr/1' });
    hub.addRepo('owner/tagged', new Map([['new.txt', Buffer.from('new')]]));
    expect(await openRepo('owner/tagged', 'refs/pr/1', { endpoint: `${hub.url}/` })).toEqual({
      id: 'owner/tagged',
      commit,
      endpoint: hub.url,
      licence: undefined,
      // git hash-object says the same
      files: [{ path: 'old.txt', size: 3 }],
    });
    expect((await openRepo('owner/tagged', commit, { endpoint: hub.url })).commit).toBe(commit);
  });

  test('comes from all pages of the listing', async () => {
    const names = Array.from({ length: 7 }, (_, i) => `file${i}.txt`);
    hub.addRepo('owner/many', new Map(names.map((name) => [name, Buffer.from(name)])));
    hub.pageSize = 3;
    const repo = await open('owner/many');
    hub.pageSize = 1000;
    expect(repo.files.map((file) => file.path)).toEqual(names);
  });

  test('says its licence, the first of several', async () => {
    expect((await open()).licence).toBe('gemma');
    hub.addRepo('owner/licences', FILES, { licence: ['mit', 'gemma'] });
    expect((await open('owner/licences')).licence).toBe('mit');
  });

  test('is asked again when the hub is busy or the connection breaks', async () => {
    hub.fault(/\/revision\//, { status: 503 });
    hub.fault(/\/tree\//, { status: 500 });
    expect((await open()).files).toHaveLength(2);
  });

  test('cannot be said by a server that is no hub', async () => {
    hub.fault(/\/revision\//, { status: 200, headers: { 'content-type': 'text/html' } });
    expect(await errorOf(open())).toMatchObject({
      code: 'ERR_DOWNLOAD_FAILED',
      message: expect.stringContaining('does not answer as a hub does'),
    });
    expect(hub.requests).toHaveLength(1);
  });

  test('cannot be said by a hub that cannot be reached', async () => {
    const gone = await FakeHub.start();
    const endpoint = gone.url;
    await gone.close();
    expect(await errorOf(open(ID, { endpoint }))).toMatchObject({
      code: 'ERR_DOWNLOAD_FAILED',
      message: expect.stringMatching(/no connection to 127\.0\.0\.1:\d+ \(.*ECONNREFUSED.*\)\. Check the network/),
    });
    expect(await errorOf(open(ID, { endpoint: 'http://hub.invalid' }))).toMatchObject({
      code: 'ERR_DOWNLOAD_FAILED',
      message: expect.stringMatching(/no connection to hub\.invalid \(/),
    });
  });

  test('is not asked of a text that is no hub id', async () => {
    for (const id of ['name', '../up', 'a/b/c'])
      expect(await errorOf(open(id))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(hub.requests).toHaveLength(0);
  });
});

describe('a download', () => {
  test('brings the files that are asked for, of the commit that was listed, and no others', async () => {
    hub.addRepo('owner/moving', new Map([...FILES, ['pytorch_model.bin', WEIGHTS]]));
    const repo = await open('owner/moving');
    hub.addRepo('owner/moving', new Map([['model.safetensors', randomBytes(10)]]));
    const folder = path.join(scratch('hub'), 'made', 'by it');
    await downloadFiles(repo, neededFiles(repo).files, folder, quick);
    expect(fs.readdirSync(folder).sort()).toEqual([...FILES.keys()]);
    for (const [name, content] of FILES) expect(read(folder, name).equals(content)).toBe(true);
    expect(hub.seen('hub').map((request) => request.path)).toEqual(
      [...FILES.keys()].map((name) => `/owner/moving/resolve/${repo.commit}/${name}`),
    );
  });

  test('goes on with several files at once', async () => {
    const names = Array.from({ length: 6 }, (_, i) => `part ${i}.txt`);
    hub.addRepo('owner/parts', new Map(names.map((name) => [name, Buffer.from(name)])));
    const folder = scratch('hub');
    await download(folder, { parallel: 3 }, 'owner/parts');
    for (const name of names) expect(read(folder, name).toString()).toBe(name);
  });

  test('of what is there already asks for nothing', async () => {
    const folder = scratch('hub');
    await download(folder);
    hub.reset();
    await download(folder);
    expect([hub.seen('hub'), hub.seen('cdn')]).toEqual([[], []]);
  });

  test('takes files without content', async () => {
    hub.addRepo('owner/empty', new Map([['empty.txt', Buffer.alloc(0)]]));
    const folder = scratch('hub');
    await download(folder, {}, 'owner/empty');
    expect(read(folder, 'empty.txt')).toHaveLength(0);
  });

  test('refuses names that lead out of the folder', async () => {
    const repo = await open();
    for (const name of ['../up', '/root', 'a/../../b', 'a\\b', 'C:b', 'a//b', '.', 'a\0b'])
      expect(await errorOf(downloadFiles(repo, [{ path: name, size: 1 }], scratch('hub'), {}))).toMatchObject({
        code: 'ERR_INVALID_MODEL',
        message: expect.stringContaining(JSON.stringify(name)),
      });
    expect(hub.seen('hub')).toEqual([]);
  });

  test('that does not fit the disk writes nothing', async () => {
    const repo = await open();
    const folder = path.join(scratch('hub'), 'model');
    const file = { path: 'model.safetensors', size: 2 ** 50 };
    expect(await errorOf(downloadFiles(repo, [file], folder, quick))).toMatchObject({
      code: 'ERR_DISK_FULL',
      message: expect.stringMatching(/needs 1125899\.91 GB .* has \d+\.\d\d GB free/),
    });
    expect(fs.existsSync(folder)).toBe(false);
    expect(hub.seen('hub')).toEqual([]);
  });

  (fs.existsSync('/dev/full') ? test : test.skip)('says when the disk becomes full', async () => {
    const folder = scratch('hub');
    fs.symlinkSync('/dev/full', path.join(folder, 'model.safetensors.partial'));
    expect(await errorOf(download(folder))).toMatchObject({ code: 'ERR_DISK_FULL' });
    expect(hub.seen('cdn')).toHaveLength(1);
  });
});

describe('a broken download', () => {
  test('continues where it broke off', async () => {
    hub.fault(/storage/, { breakAfter: 100_000 });
    const folder = scratch('hub');
    await download(folder);
    const [first, second, ...more] = hub.seen('cdn');
    const from = Number(/^bytes=(\d+)-$/.exec(second?.range ?? '')?.[1]);
    expect(from).toBeGreaterThan(0);
    expect(from).toBeLessThanOrEqual(first?.sent ?? 0);
    expect(second).toMatchObject({ status: 206, sent: WEIGHTS.length - from });
    expect(more).toEqual([]);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
  });

  test('may break more often than it may fail without getting further', async () => {
    hub.fault(/storage/, { times: 8, breakAfter: 30_000 });
    const folder = scratch('hub');
    await download(folder);
    expect(hub.seen('cdn')).toHaveLength(9);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
  });

  test('continues when nothing comes for a while', async () => {
    hub.fault(/storage/, { stallAfter: 100_000 });
    const folder = scratch('hub');
    await download(folder, { stallMs: 300 });
    expect(hub.seen('cdn').map((request) => request.status)).toEqual([200, 206]);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
  });

  test('is none while bytes come, however long the whole takes', async () => {
    hub.fault(/storage/, { throttle: 200 });
    await download(scratch('hub'), { stallMs: 1000 });
    expect(hub.seen('cdn')).toHaveLength(1);
  });

  test('continues in a later call after it was aborted', async () => {
    hub.fault(/storage/, { stallAfter: 100_000 });
    const folder = scratch('hub');
    const partial = path.join(folder, 'model.safetensors.partial');
    const [abort, reason] = [new AbortController(), new Error('enough')];
    const aborted = download(folder, { signal: abort.signal });
    await until(() => sizeOf(partial) === 100_000);
    abort.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    expect(sizeOf(partial)).toBe(100_000);

    hub.reset();
    await download(folder);
    expect(hub.seen('cdn')).toMatchObject([{ range: 'bytes=100000-', status: 206, sent: 200_000 }]);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
    expect(fs.existsSync(partial)).toBe(false);
  });

  test('asks for nothing when only the name was missing', async () => {
    const folder = scratch('hub');
    fs.writeFileSync(path.join(folder, 'model.safetensors.partial'), WEIGHTS);
    await download(folder);
    expect(hub.seen('cdn')).toEqual([]);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
  });

  test('begins again where the server gives no ranges', async () => {
    hub.fault(/storage/, { breakAfter: 100_000 });
    hub.fault(/storage/, { ignoreRange: true });
    const folder = scratch('hub');
    const calls: Progress[] = [];
    await download(folder, { onProgress: (progress) => calls.push(progress) });
    expect(calls.at(-1)?.done).toBe(WEIGHTS.length + CONFIG.length);
    expect(hub.seen('cdn')).toMatchObject([{ status: 200 }, { range: expect.any(String), status: 200, sent: 300_000 }]);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
  });

  test('begins again where the server refuses the range', async () => {
    const folder = scratch('hub');
    fs.writeFileSync(path.join(folder, 'model.safetensors.partial'), WEIGHTS.subarray(0, 1000));
    hub.fault(/storage/, { status: 416 });
    await download(folder);
    expect(hub.seen('cdn')).toMatchObject([{ range: 'bytes=1000-' }, { range: undefined, status: 200 }]);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
  });

  test('begins again when more is there than the file has', async () => {
    const folder = scratch('hub');
    fs.writeFileSync(path.join(folder, 'model.safetensors.partial'), Buffer.alloc(WEIGHTS.length + 1));
    hub.fault(/storage/, { content: Buffer.from(WEIGHTS).reverse() }); // nor does it count as a try
    const calls: Progress[] = [];
    await download(folder, { onProgress: (progress) => calls.push(progress) });
    expect(calls[0]?.done).toBe(0);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
  });

  test('gives up after five attempts without progress and keeps what came', async () => {
    hub.fault(/storage/, { stallAfter: 50_000 });
    hub.fault(/storage/, { times: 100, breakAfter: 0 });
    const folder = scratch('hub');
    expect(await errorOf(download(folder, { stallMs: 300 }))).toMatchObject({
      code: 'ERR_DOWNLOAD_FAILED',
      message: expect.stringMatching(/^model\.safetensors of owner\/name failed 5 times in a row: ./),
    });
    expect(hub.seen('cdn')).toHaveLength(5);
    expect(read(folder, 'model.safetensors.partial').equals(WEIGHTS.subarray(0, 50_000))).toBe(true);
    expect(fs.existsSync(path.join(folder, 'model.safetensors'))).toBe(false);
  });

  test('is not tried again after an answer that stays', async () => {
    hub.fault(/resolve.*model/, { status: 410 });
    expect(await errorOf(download(scratch('hub')))).toMatchObject({
      code: 'ERR_DOWNLOAD_FAILED',
      message: `model.safetensors of owner/name: ${new URL(hub.url).host} answered 410 Gone`,
    });
    expect(hub.seen('hub', /resolve.*model/)).toHaveLength(1);
  });

  test('of one file ends the others', async () => {
    hub.addRepo('owner/two', new Map([...FILES, ['other.bin', WEIGHTS.subarray(1)]]));
    hub.fault(/\/storage\/.*\/other/, { stallAfter: 1000 });
    hub.fault(/resolve.*model/, { times: 100, status: 503 });
    const folder = scratch('hub');
    expect(await errorOf(download(folder, { parallel: 3 }, 'owner/two'))).toMatchObject({
      code: 'ERR_DOWNLOAD_FAILED',
      message: expect.stringContaining('model.safetensors of owner/two failed 5 times in a row: 127.0.0.1'),
    });
    expect(fs.existsSync(path.join(folder, 'other.bin'))).toBe(false);
  });
});

describe('content that is not what the hub lists', () => {
  const wrong = Buffer.from(WEIGHTS);
  wrong[7] = (wrong[7] as number) ^ 1;

  test.each([
    ['a wrong byte', wrong, false, 'does not match its SHA-256'],
    ['too much', Buffer.concat([WEIGHTS, CONFIG]), false, 'has 300027 bytes instead of the 300000 that the hub lists'],
    ['too much, unannounced', Buffer.concat([WEIGHTS, CONFIG]), true, 'has more than the 300000 bytes'],
    ['too little', WEIGHTS.subarray(1), false, 'has 299999 bytes instead of the 300000 that the hub lists'],
  ])('is tried once more and then refused: %s', async (_, content, chunked, message) => {
    hub.fault(/storage/, { times: 2, content, chunked });
    const folder = scratch('hub');
    expect(await errorOf(download(folder))).toMatchObject({
      code: 'ERR_DOWNLOAD_FAILED',
      message: expect.stringContaining(message),
    });
    expect(hub.seen('cdn')).toHaveLength(2);
    expect(fs.readdirSync(folder)).toEqual(['config.json']);
  });

  test('is too little without saying so: the end is asked for and refused until the attempts are used up', async () => {
    hub.fault(/storage/, { times: 100, content: WEIGHTS.subarray(1), chunked: true });
    expect(await errorOf(download(scratch('hub')))).toMatchObject({ code: 'ERR_DOWNLOAD_FAILED' });
    expect(hub.seen('cdn').length).toBeLessThan(10);
  });

  test('is mended by the second try', async () => {
    hub.fault(/storage/, { content: wrong });
    const folder = scratch('hub');
    await download(folder);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
  });

  test('is found in what an earlier call left', async () => {
    const folder = scratch('hub');
    fs.writeFileSync(path.join(folder, 'model.safetensors.partial'), wrong.subarray(0, 1000));
    await download(folder);
    expect(hub.seen('cdn').map((request) => request.range)).toEqual(['bytes=1000-', undefined]);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
  });
});

describe('a busy server', () => {
  test.each([429, 500, 502, 503, 504])('is asked again after %i', async (status) => {
    hub.fault(/resolve.*model/, { status });
    hub.fault(/storage/, { status });
    const folder = scratch('hub');
    await download(folder);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
  });

  test('is given the time it asks for', async () => {
    // Without it five attempts would be used up in 15 milliseconds.
    hub.fault(/storage/, { times: 100, status: 429, headers: { 'retry-after': '1' } });
    const folder = scratch('hub');
    const done = download(folder);
    await until(() => hub.seen('cdn').length > 0);
    await sleep(300);
    hub.reset();
    await done;
    expect(hub.seen('cdn')).toHaveLength(1);
  });

  test.each([
    [null, 0],
    ['7', 7000],
    ['Thu, 01 Jan 2026 00:00:05 GMT', 5000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['86400', 60_000],
    ['soon', 0],
  ])('says by %p to wait %i milliseconds', (header, ms) => {
    expect(retryAfterMs(header, Date.UTC(2026, 0, 1))).toBe(ms);
  });

  test('is not waited for once aborted', async () => {
    hub.fault(/storage/, { status: 429, headers: { 'retry-after': '3600' } });
    const abort = new AbortController();
    const aborted = errorOf(download(scratch('hub'), { signal: abort.signal }));
    await until(() => hub.seen('cdn').length > 0);
    abort.abort(new Error('enough'));
    expect(await aborted).toBe(abort.signal.reason);
  });

  test('of the storage that refuses a link is asked by a new one', async () => {
    hub.fault(/storage/, { status: 403 });
    const folder = scratch('hub');
    await download(folder);
    expect(hub.seen('hub', /resolve.*model/)).toHaveLength(2);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
  });
});

describe('a repository that is gated', () => {
  const page = () => `${hub.url}/${GATED}`;

  test('is downloaded with a token that has access', async () => {
    const folder = scratch('hub');
    await download(folder, { token: TOKEN }, GATED);
    expect(read(folder).equals(WEIGHTS)).toBe(true);
    expect(hub.seen('hub').map((request) => request.authorization)).toEqual(Array(2).fill(`Bearer ${TOKEN}`));
  });

  test('never sees its token sent to the storage', async () => {
    hub.fault(/storage/, { breakAfter: 1000 });
    await download(scratch('hub'), { token: TOKEN }, GATED);
    expect(hub.seen('cdn').map((request) => request.authorization)).toEqual([undefined, undefined]);
  });

  test('never sees its token sent where the next page of a listing is said to be elsewhere', async () => {
    const link = `<${hub.storageUrl}/page>; rel="next"`;
    hub.fault(/tree/, { times: 100, status: 200, headers: { link }, content: Buffer.from('[]') });
    expect(await errorOf(open(GATED, { token: TOKEN }))).toMatchObject({ code: 'ERR_DOWNLOAD_FAILED' });
    const pages = hub.seen('cdn', /page/).map((request) => request.authorization);
    expect(new Set(pages)).toEqual(new Set([undefined]));
  });

  test('says without a token where the licence is and that a token is needed', async () => {
    const error = await errorOf(download(scratch('hub'), {}, GATED));
    expect(error).toMatchObject({ code: 'ERR_GATED_MODEL' });
    expect(error.message).toContain(`is gated: accept its licence at ${page()}`);
    expect(error.message).toContain('set HF_TOKEN or pass the token option');
    expect(hub.seen('hub')).toHaveLength(1);
  });

  test('says that a token is not accepted, and where it is from, but not the token', async () => {
    process.env.HF_TOKEN = 'hf_mistyped';
    const error = await errorOf(open(GATED));
    expect(error).toMatchObject({ code: 'ERR_GATED_MODEL' });
    expect(error.message).toContain('does not accept the token from HF_TOKEN');
    expect(error.message).toContain(page());
    expect(JSON.stringify([error.message, error])).not.toContain('hf_mistyped');
  });

  test('says that a token has no access', async () => {
    const error = await errorOf(download(scratch('hub'), { token: 'hf_no_access' }, GATED));
    expect(error).toMatchObject({ code: 'ERR_GATED_MODEL' });
    expect(error.message).toContain(`the token from the token option has no access to ${GATED}`);
    expect(error.message).toContain(page());
    expect(error.message).not.toContain('hf_no_access');
  });
});

describe('what does not exist', () => {
  test('is, without a token, not told from what is private', async () => {
    expect(await errorOf(open('owner/nothing'))).toMatchObject({
      code: 'ERR_GATED_MODEL',
      message: expect.stringContaining('owner/nothing is gated, private or does not exist'),
    });
  });

  test('is not found: repository, revision or file', async () => {
    expect(await errorOf(open('owner/nothing', { token: TOKEN }))).toMatchObject({
      code: 'ERR_MODEL_NOT_FOUND',
      message: `${hub.url} has no model owner/nothing at revision main that the token from the token option may see`,
    });
    expect(await errorOf(openRepo(ID, 'v2', { endpoint: hub.url }))).toMatchObject({
      code: 'ERR_MODEL_NOT_FOUND',
      message: `${hub.url} has no model ${ID} at revision v2`,
    });
    const repo = await open();
    const file = { path: 'gone.json', size: 1 };
    expect(await errorOf(downloadFiles(repo, [file], scratch('hub'), quick))).toMatchObject({
      code: 'ERR_MODEL_NOT_FOUND',
      message: `${hub.url} has no file gone.json in ${ID} at revision ${repo.commit}`,
    });
  });
});

describe('progress', () => {
  test('counts bytes of all files, what was there as done, and ends once with everything', async () => {
    const folder = scratch('hub');
    fs.writeFileSync(path.join(folder, 'config.json'), CONFIG);
    fs.writeFileSync(path.join(folder, 'model.safetensors.partial'), WEIGHTS.subarray(0, 1000));
    hub.fault(/storage/, { throttle: 1000 });
    const calls: Progress[] = [];
    await download(folder, { onProgress: (progress) => calls.push(progress) });
    const total = WEIGHTS.length + CONFIG.length;
    expect(calls[0]).toEqual({ stage: 'download', done: 1000 + CONFIG.length, total, speed: 0, timeLeft: Infinity });
    expect(calls.length).toBeGreaterThan(2);
    for (const [i, call] of calls.entries()) {
      expect(call.total).toBe(total);
      if (i > 0) expect(call.done).toBeGreaterThanOrEqual((calls[i - 1] as Progress).done);
      if (i > 0) expect(call.speed).toBeGreaterThan(0);
      if (i > 0) expect(call.timeLeft).toBeCloseTo((total - call.done) / (call.speed ?? 0));
    }
    expect(calls.filter((call) => call.done === total)).toEqual([calls.at(-1)]);
  });

  test('of what begins again ends with the same total', async () => {
    hub.fault(/storage/, { content: Buffer.from(WEIGHTS).reverse() });
    const calls: Progress[] = [];
    await download(scratch('hub'), { onProgress: (progress) => calls.push(progress) });
    expect(calls.at(-1)).toMatchObject({ done: WEIGHTS.length + CONFIG.length, timeLeft: 0 });
  });

  test('does not say that everything is done before it is checked', async () => {
    hub.fault(/storage/, { breakAfter: WEIGHTS.length - 1 });
    const calls: Progress[] = [];
    const onProgress = (progress: Progress) => calls.push(progress);
    await download(scratch('hub'), { onProgress, retryDelayMs: 200 }); // so that the last byte is due for a call
    expect(calls.filter((call) => call.done === call.total)).toHaveLength(1);
  });

  test('that throws ends the download with what it threw', async () => {
    const thrown = Object.assign(new Error('mine'), { code: 'ENOSPC' });
    hub.fault(/storage/, { throttle: 1000 });
    const folder = scratch('hub');
    let calls = 0;
    const onProgress = () => {
      if (++calls === 2) throw thrown;
    };
    expect(await errorOf(download(folder, { onProgress }))).toBe(thrown);
    expect(calls).toBe(2);
    expect(fs.existsSync(path.join(folder, 'model.safetensors'))).toBe(false);
  });
});

describe('the environment', () => {
  test('gives the endpoint', async () => {
    expect(hubEndpoint()).toBe('https://huggingface.co');
    process.env.HF_ENDPOINT = `${hub.url}/`;
    expect(hubEndpoint()).toBe(hub.url);
    expect((await openRepo(ID, 'main', {})).endpoint).toBe(hub.url);
    process.env.HF_ENDPOINT = 'huggingface.co';
    expect(await errorOf(openRepo(ID, 'main', {}))).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  test('gives the token, nearest first', async () => {
    const folder = scratch('tokens');
    const write = (...parts: string[]) => {
      const file = path.join(folder, ...parts);
      fs.mkdirSync(path.dirname(file), { recursive: true });
      fs.writeFileSync(file, `hf_${parts.join('_')}\r\n`);
      return file;
    };
    const tokens: (string | undefined)[] = [];
    const note = async (option?: string) => tokens.push(await hubToken(option));
    await note();
    delete process.env.HF_HOME;
    process.env.XDG_CACHE_HOME = path.dirname(path.dirname(write('huggingface', 'token')));
    await note();
    process.env.HF_HOME = path.dirname(write('home', 'token'));
    await note();
    process.env.HF_TOKEN_PATH = write('path');
    await note();
    process.env.HUGGING_FACE_HUB_TOKEN = 'hf_old_name';
    await note();
    process.env.HF_TOKEN = ' hf_variable\n';
    await note();
    await note('hf_option');
    process.env.HF_HUB_DISABLE_IMPLICIT_TOKEN = '1';
    await note();
    await note('hf_option');
    expect(tokens).toEqual([
      undefined,
      'hf_huggingface_token',
      'hf_home_token',
      'hf_path',
      'hf_old_name',
      'hf_variable',
      'hf_option',
      undefined,
      'hf_option',
    ]);
  });

  test('gives a token to requests, also one that does not begin with hf_', async () => {
    process.env.HF_TOKEN = 'api_org_x';
    hub.tokens.add('api_org_x');
    await open();
    expect(hub.requests.map((request) => request.authorization)).toEqual(Array(2).fill('Bearer api_org_x'));
  });

  test('may have no home folder', async () => {
    delete process.env.HF_HOME;
    const homedir = jest.spyOn(os, 'homedir').mockImplementation(() => {
      throw new Error('no home');
    });
    expect(await hubToken()).toBeUndefined();
    expect(homedir).toHaveBeenCalled();
  });

  test('may not hold a token that would break the header, which is not shown', async () => {
    process.env.HF_TOKEN = 'hf_two\nlines';
    const error = await errorOf(open());
    expect(error).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(error.message).toContain('HF_TOKEN');
    expect(error.message).not.toContain('hf_two');
  });
});

test('a hub id is owner/name in the characters of the hub, and no path that exists', () => {
  const ids = ['google/paligemma-3b-pt-224', 'a/b', 'A_1/x.y-z', `${'a'.repeat(96)}/b`];
  const others = [
    'name',
    'a/b/c',
    './a',
    '../a',
    '/a',
    'a/',
    'a//b',
    'a b/c',
    'a/b.git',
    'a--b/c',
    'a/b..c',
    '-a/b',
    'a/b.',
  ];
  expect(ids.filter(isHubId)).toEqual(ids);
  expect([...others, 'C:\\a/b', 'ä/b', `${'a'.repeat(97)}/b`, 'test/helpers'].filter(isHubId)).toEqual([]);
});

describe('the files a model needs', () => {
  const needed = (...names: string[]) => {
    const { content, files } = neededFiles({ id: ID, files: names.map((name) => ({ path: name, size: 1 })) });
    return [content, ...files.map((file) => file.path)];
  };
  const noise = [
    'README.md',
    'owl.png',
    '.gitattributes',
    'pytorch_model.bin',
    'flax_model.msgpack',
    'sub/config.json',
  ];

  test('are config, tokenizer and weights of a checkpoint', () => {
    expect(
      needed(...noise, 'x.npz', 'x.gguf', 'model.safetensors', 'tokenizer.model', 'tokenizer.json', 'config.json'),
    ).toEqual(['checkpoint', 'config.json', 'tokenizer.model', 'tokenizer.json', 'model.safetensors']);
  });

  test('are the shards of an index rather than a whole file beside it', () => {
    const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
    const index = 'model.safetensors.index.json';
    expect(needed(...noise, 'config.json', 'model.safetensors', index, ...shards, 'other.safetensors')).toEqual([
      'checkpoint',
      'config.json',
      index,
      ...shards,
    ]);
    expect(() => needed('config.json', index, shards[1] as string)).toThrow('1 of 2 shards');
    expect(() => needed('config.json', index)).toThrow('no shards');
  });

  test('are two of an adapter', () => {
    const adapter = ['adapter_config.json', 'adapter_model.safetensors'];
    expect(needed(...noise, 'config.json', 'tokenizer.json', ...adapter)).toEqual(['adapter', ...adapter]);
    expect(needed('config.json', 'model.safetensors', ...adapter)[0]).toBe('checkpoint');
  });

  test('are one big_vision checkpoint, whole or in parts, and its tokenizer', () => {
    const parts = [0, 1].map((i) => `pt.npz-0000${i}-of-00002`);
    expect(needed(...noise, 'pt.npz', 'gemma.model')).toEqual(['npz', 'pt.npz', 'gemma.model']);
    expect(needed(...noise, ...parts)).toEqual(['npz', ...parts]);
    expect(() => needed(parts[0] as string)).toThrow('1 of 2 parts');
    expect(() => needed('pt.npz', 'pt.bf16.npz')).toThrow('several big_vision checkpoints');
  });

  test('are a GGUF text model and its mmproj', () => {
    expect(needed(...noise, 'mmproj-F16.gguf', 'text-Q8_0.gguf')).toEqual([
      'gguf',
      'text-Q8_0.gguf',
      'mmproj-F16.gguf',
    ]);
    expect(() => needed('a.gguf', 'b.gguf', 'mmproj.gguf')).toThrow(/several GGUF text models.*a\.gguf, b\.gguf/);
    expect(() => needed('a.gguf', 'mmproj-a.gguf', 'mmproj-b.gguf')).toThrow(/several mmproj files/);
  });

  test('are not there: the error says what was found and what is needed', () => {
    for (const names of [
      noise,
      [],
      ['model.safetensors'],
      ['a.gguf'],
      ['mmproj.gguf'],
      ['adapter_config.json', 'adapter_model.bin'],
    ])
      expect(() => needed(...names)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED_MODEL' }));
    expect(() => needed('README.md', 'pytorch_model.bin')).toThrow(
      /it has README\.md, pytorch_model\.bin; what is needed is/,
    );
    expect(() => needed()).toThrow('it has no files');
  });

  test('may not lead out of their folder', () => {
    for (const name of ['../config.json', '/config.json', 'sub/../../config.json', 'a\\config.json'])
      expect(() => needed('config.json', 'model.safetensors', name)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_MODEL' }),
      );
  });
});
