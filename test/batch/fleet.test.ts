// `paligemma batch --redis` and `paligemma worker`, over a real Redis.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Collector } from '../../cli/fleet/collector.js';
import { masked } from '../../cli/fleet/redis.js';
import { MAX_STALLED, startWorker } from '../../cli/fleet/worker.js';
import type { BatchAnswer, BatchItem, BatchResult } from '../../lib/batch/item.js';
import { Access, type ImageAccess } from '../../lib/image/access.js';
import { PaliGemmaError } from '../../lib/index.js';
import { paligemma, type Running, start } from '../helpers/command.js';
import { PICTURE, scratch, within } from '../helpers/fixtures.js';
import { RedisServer } from '../helpers/redis.js';
import { manyScenes } from '../helpers/scenes.js';

const whereRedisIs = RedisServer.available() ? describe : describe.skip;
const timings = { image: 0, queue: 0, vision: 0, prefill: 0, decode: 0, total: 1 };
const redis = new RedisServer();

const results = (file: string): BatchResult[] =>
  fs
    .readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line))
    .sort((a, b) => a.index - b.index);
/** While somebody writes, whose last line may be torn. */
const written = (file: string): number =>
  fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').length - 1 : 0;
const output = () => path.join(scratch('fleet'), 'out.jsonl');

whereRedisIs('the parts of a fleet', () => {
  const closing: { close(): Promise<unknown> }[] = [];
  beforeAll(() => redis.start());
  afterEach(async () => {
    for (const part of closing.splice(0).reverse()) await part.close();
  });
  afterAll(() => redis.stop());

  const name = () => `test-${randomBytes(4).toString('hex')}`;
  const { signal } = new AbortController();

  async function collector(queue: string, options = {}) {
    const opened = await Collector.open(redis.url, {
      queue,
      request: {},
      output: '/x',
      resume: false,
      inline: false,
      onTrouble() {},
      ...options,
    });
    closing.push(opened);
    return opened;
  }

  async function worker(
    queue: string,
    answer: (item: BatchItem) => Promise<BatchAnswer>,
    imageAccess: ImageAccess = {},
  ) {
    const failed: string[] = [];
    const started = await startWorker(redis.url, answer, {
      ...{ queue, concurrency: 4, stalledAfter: 2, onOutcome() {}, onTrouble() {} },
      access: await Access.open(imageAccess),
      onFailed: (_, reason) => failed.push(reason),
      onGivenUp() {},
    });
    closing.push(started);
    return { failed, ...started };
  }

  test('give out an item and take its outcome, the picture by path or sent along', async () => {
    const queue = name();
    const given: BatchItem[] = [];
    await worker(queue, async (item) => {
      given.push(item);
      return { text: `${(item.image as Uint8Array).length}`, timings };
    });
    const size = String(fs.statSync(PICTURE).size);
    for (const inline of [false, true]) {
      const fleet = await collector(queue, { inline });
      const outcome = await fleet.answer(
        { image: path.relative(process.cwd(), PICTURE), language: 'es', author: 'K' },
        0,
        signal,
      );
      expect(outcome).toEqual({ text: size, timings });
    }
    expect(await (await collector(queue)).answer({ image: Buffer.from('abc') }, 0, signal)).toMatchObject({
      text: '3',
    });
    expect(given[0]).toEqual({ image: expect.any(Uint8Array), language: 'es' });
  });
  test("make an outcome of what is the picture's fault, without another try", async () => {
    const queue = name();
    let tries = 0;
    await worker(queue, async () => {
      tries++;
      throw new PaliGemmaError('ERR_INVALID_IMAGE', 'torn');
    });
    const fleet = await collector(queue);
    expect(await fleet.answer({ image: PICTURE }, 0, signal)).toEqual({
      error: { code: 'ERR_INVALID_IMAGE', message: 'torn' },
    });
    expect(tries).toBe(1);
  });
  test('try again with back-off what may go better another time, and set aside what never does', async () => {
    const queue = name();
    const at: number[] = [];
    const { failed } = await worker(queue, async () => {
      at.push(performance.now());
      if (at.length < 3 || at.length > 3) throw new PaliGemmaError('ERR_OUT_OF_MEMORY', 'no room');
      return { text: 'in the end', timings };
    });
    const fleet = await collector(queue);
    expect(await fleet.answer({ image: PICTURE }, 0, signal)).toMatchObject({ text: 'in the end' });
    const [first = 0, second = 0, third = 0] = at;
    expect(second - first).toBeGreaterThan(900);
    expect(third - second).toBeGreaterThan(1800);
    expect(await fleet.answer({ image: PICTURE }, 1, signal)).toEqual({
      error: { code: 'ERR_OUT_OF_MEMORY', message: 'no room' },
    });
    while (failed.length < 5) await sleep(5);
    const client = new Redis(redis.url, { maxRetriesPerRequest: null });
    const asked = new Queue(queue, { connection: client });
    expect(await asked.getFailedCount()).toBe(1);
    expect(await asked.getCompletedCount()).toBe(0);
    await asked.close();
    client.disconnect();
  });
  test('find what was finished while nobody listened, and give out again what Redis lost', async () => {
    const queue = name();
    const fleet = await collector(queue);
    const lost = fleet.answer({ image: PICTURE }, 0, signal);
    await sleep(100);
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
    await worker(queue, async () => ({ text: 'found', timings }));
    expect(await lost).toMatchObject({ text: 'found' });
  });
  test('set aside a picture on which workers die', async () => {
    const queue = name();
    // Takes it, and gives no sign of life from then on.
    const client = new Redis(redis.url, { maxRetriesPerRequest: null });
    const dying = new Worker(queue, () => new Promise(() => {}), {
      ...{ connection: client, concurrency: 9, lockDuration: 200, stalledInterval: 200 },
      ...{ skipLockRenewal: true, maxStalledCount: MAX_STALLED },
    });
    dying.on('error', () => {});
    const fleet = await collector(queue);
    expect(await fleet.answer({ image: PICTURE }, 0, signal)).toEqual({
      error: { code: 'ERR_WORKER_LOST', message: expect.stringMatching(/stalled/) },
    });
    await dying.close(true);
    client.disconnect();
  });
  test('take back what nobody has begun', async () => {
    const queue = name();
    const fleet = await collector(queue);
    const waiting = fleet.answer({ image: PICTURE }, 0, signal);
    waiting.catch(() => {});
    await sleep(100);
    await fleet.withdraw();
    await expect(waiting).rejects.toThrow('stopped before it was begun');
  });
  test('do not give out twice what a resumed job gave out before', async () => {
    const queue = name();
    const first = await collector(queue, { output: '/same' });
    const gone = new AbortController();
    const abandoned = first.answer({ image: PICTURE }, 0, gone.signal);
    abandoned.catch(() => {});
    await sleep(100);
    gone.abort();
    let tries = 0;
    await worker(queue, async () => ({ text: String(++tries), timings }));
    await sleep(500);
    const second = await collector(queue, { output: '/same', resume: true });
    expect(await second.answer({ image: PICTURE }, 0, signal)).toMatchObject({ text: '1' });
    const third = await collector(queue, { output: '/same' });
    expect(await third.answer({ image: PICTURE }, 0, signal)).toMatchObject({ text: '2' });
  });
  test('without a Redis say so', async () => {
    const open = (url: string) =>
      Collector.open(url, { queue: 'x', request: {}, output: '/x', resume: false, inline: false, onTrouble() {} });
    await expect(open('redis://:secret@127.0.0.1:1')).rejects.toMatchObject({
      code: 'ERR_QUEUE_UNAVAILABLE',
      message: expect.stringMatching(/^redis:\/\/:\*\*\*@127\.0\.0\.1:1.* does not answer/),
    });
  });

  describe('with a URL', () => {
    let server: http.Server;
    let base: string;
    let busy = 0;
    beforeAll(async () => {
      server = http.createServer((request, response) => {
        if (request.url === '/page') response.setHeader('content-type', 'text/html').end('<p>');
        else if (request.url === '/away') response.writeHead(302, { location: '/picture' }).end();
        else if (request.url === '/gone') response.writeHead(404).end();
        else if (request.url === '/busy' && busy++ === 0) response.writeHead(503).end();
        else if (request.url === '/large')
          response.writeHead(200, { 'content-type': 'image/png', 'content-length': 2 ** 30 }).write('x');
        else response.setHeader('content-type', 'image/png').end('picture');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      base = `http://localhost:${(server.address() as import('node:net').AddressInfo).port}`;
    });
    afterAll(() => {
      server.closeAllConnections();
      server.close();
    });
    const ask = async (url: string, allowPrivateAddresses: boolean) => {
      const queue = name();
      await worker(queue, async ({ image }) => ({ text: Buffer.from(image as Uint8Array).toString(), timings }), {
        publicUrlsOnly: !allowPrivateAddresses,
      });
      return (await collector(queue)).answer({ image: url }, 0, signal);
    };
    test('fetch it, and refuse what is no picture, too large or not there', async () => {
      expect(await ask(`${base}/picture`, true)).toMatchObject({ text: 'picture' });
      expect(await ask(`${base}/away`, true)).toMatchObject({ text: 'picture' });
      expect(await ask(`${base}/page`, true)).toMatchObject({
        error: { code: 'ERR_INVALID_IMAGE', message: /the server sent text\/html, not a picture/ },
      });
      expect(await ask(`${base}/gone`, true)).toMatchObject({ error: { message: /404/ } });
      expect(await ask(`${base}/large`, true)).toMatchObject({ error: { message: /larger than the limit of 64 MiB/ } });
    });
    test('try again when the server has trouble', async () => {
      expect(await ask(`${base}/busy`, true)).toMatchObject({ text: 'picture' });
      expect(busy).toBe(2);
    });
    test('refuse private addresses, by name or number', async () => {
      const { port } = new URL(base);
      for (const host of ['localhost', '127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1'])
        expect(await ask(`http://${host}:${port}/picture`, false)).toMatchObject({
          error: { code: 'ERR_INVALID_IMAGE', message: /private address/ },
        });
    });
  });
});

test('the address of Redis is shown without its password', () => {
  expect(masked('redis://user:secret@host:6379/1')).toBe('redis://user:***@host:6379/1');
  expect(masked('not a url')).not.toContain('not a url');
});

whereRedisIs('a fleet', () => {
  const COUNT = 600;
  let scenes: string;
  const running: Running[] = [];
  const own = new RedisServer();
  beforeAll(async () => {
    await own.start();
    scenes = await manyScenes(COUNT);
    fs.writeFileSync(path.join(scenes, '999.png'), 'no picture');
  });
  afterAll(async () => {
    for (const { child } of running) child.kill('SIGKILL');
    await own.stop('SIGKILL');
  });

  async function worker(): Promise<Running> {
    const started = start([
      ...['worker', '--model', 'embedded'],
      '--redis',
      own.url,
      '--stalled-after',
      '2',
      '--threads',
      '1',
      '--log-level',
      'debug',
    ]);
    running.push(started);
    while (!started.err().includes('"ready"')) await sleep(20);
    return started;
  }
  const taken = ({ err }: Running) => err().split('"answered"').length - 1;

  test(
    'answers all, each once, whatever happens to its workers and to Redis',
    async () => {
      const file = output();
      const alone = output();
      expect(await paligemma('batch', '--model', 'embedded', scenes, '--output', alone)).toMatchObject({ status: 1 });
      const workers = [await worker(), await worker(), await worker()] as [Running, Running, Running];
      const batch = start(['batch', scenes, '--redis', own.url, '--output', file]);
      while (workers.some((one) => taken(one) < 5)) await sleep(5);
      workers[0].child.kill('SIGKILL');
      workers[1].child.kill('SIGSTOP');
      await own.stop();
      await sleep(300);
      await own.start();
      await sleep(3_000);
      workers[1].child.kill('SIGCONT');
      const { status, err } = await batch.done;
      expect({ status, err }).toEqual({
        status: 1,
        err: expect.stringMatching(/trying again until it is back[\s\S]*601 images in .* 1 failed/),
      });
      // By bytes a worker's errors lack the name of the file; all else is as without a fleet.
      const plain = (of: string) => results(of).map(({ timings, error, ...rest }) => ({ ...rest, code: error?.code }));
      expect(plain(file)).toEqual(plain(alone));
      for (const one of workers.slice(1)) {
        one.child.kill('SIGTERM');
        expect(await one.done).toMatchObject({ status: 0, err: expect.stringMatching(/"closed"/) });
      }
    },
    within(120_000),
  );
  test(
    'goes on after the one who collects was killed, and tells when nobody works',
    async () => {
      const file = output();
      const first = start(['batch', scenes, '--redis', own.url, '--output', file]);
      while (!first.err().includes('no worker is there yet')) await sleep(5);
      const one = await worker();
      while (written(file) < 50) await sleep(5);
      first.child.kill('SIGKILL');
      await first.done;
      const interrupted = start(['batch', scenes, '--redis', own.url, '--output', file, '--resume']);
      while (written(file) < 150) await sleep(5);
      interrupted.child.kill('SIGINT');
      expect(await interrupted.done).toMatchObject({ status: 130, err: expect.stringMatching(/--resume/) });
      expect(results(file).length).toBeLessThan(COUNT);
      const last = await start(['batch', scenes, '--redis', own.url, '--output', file, '--resume']).done;
      expect(last.status).toBe(0 + Number(last.err.includes('1 failed')));
      expect(results(file).map(({ index }) => index)).toEqual(Array.from({ length: COUNT + 1 }, (_, i) => i));
      one.child.kill('SIGINT');
      expect((await one.done).status).toBe(0);
    },
    within(120_000),
  );
});
