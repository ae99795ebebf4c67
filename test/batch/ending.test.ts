// How `batch` and `worker` end: interrupted, failing, or without the Redis that they had.
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Collector } from '../../cli/fleet/collector.js';
import { Room } from '../../cli/fleet/room.js';
import { startWorker } from '../../cli/fleet/worker.js';
import { Withdrawn } from '../../lib/batch/ask.js';
import { Access } from '../../lib/image/access.js';
import type { Timings } from '../../lib/types.js';
import { type Running, start } from '../helpers/command.js';
import { PICTURE, scratch } from '../helpers/fixtures.js';
import { RedisServer } from '../helpers/redis.js';

const whereRedisIs = RedisServer.available() ? describe : describe.skip;
const output = () => path.join(scratch('ending'), 'out.jsonl');
const { signal } = new AbortController();

/** As on a terminal. */
const TERMINAL = { NODE_OPTIONS: '--import data:text/javascript,process.stderr.isTTY=true' };
const HIDE = '\x1b[?25l';
const SHOW = '\x1b[?25h';

const running: Running[] = [];
function begin(...args: Parameters<typeof start>): Running {
  const begun = start(...args);
  running.push(begun);
  return begun;
}
afterAll(() => {
  for (const { child } of running) child.kill('SIGKILL');
});

describe('room', () => {
  test('is given in turn, and what is larger than all of it goes alone', async () => {
    const room = new Room(10);
    await room.take(6);
    let second = false;
    const waiting = room.take(20).then(() => {
      second = true;
    });
    await sleep(1);
    expect(second).toBe(false);
    room.giveBack(6);
    await waiting;
  });
  test('that is closed is refused, to those who wait too', async () => {
    const room = new Room(10);
    const reason = new Error('closed');
    await room.take(6);
    const waiting = room.take(6);
    room.close(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(room.take(1)).rejects.toBe(reason);
  });
});

describe('--metrics on a port in use', () => {
  let server: http.Server;
  let where: string;
  beforeAll(async () => {
    server = http.createServer().listen(0);
    await once(server, 'listening');
    where = `:${(server.address() as import('node:net').AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  test('is one line, status 1 and no trace on the terminal, of a batch and of a worker', async () => {
    for (const args of [
      ['batch', '--model', 'embedded', PICTURE, '--output', output()],
      ['worker', '--model', 'embedded'],
    ]) {
      const { status, err } = await begin([...args, '--metrics', where], { env: TERMINAL }).done;
      expect({ status, err }).toEqual({
        status: 1,
        err: `paligemma: ERR_INVALID_ARGUMENT: counts cannot be published at --metrics ${where}: the port is in use, give another one\n`,
      });
    }
  });
  test('or in a folder that is not there: the same', async () => {
    const args = [
      'batch',
      '--model',
      'embedded',
      PICTURE,
      '--output',
      output(),
      '--metrics',
      '/no/such/folder/counts.prom',
    ];
    expect(await begin(args, { env: TERMINAL }).done).toMatchObject({
      status: 1,
      err: expect.stringMatching(/^paligemma: ERR_INVALID_ARGUMENT: counts cannot be published at .*ENOENT.*\n$/),
    });
  });
});

whereRedisIs('with a Redis', () => {
  let redis: RedisServer;
  let client: Redis;
  let number = 0;
  let queue: string;
  const closing: (() => unknown)[] = [];
  beforeAll(async () => {
    redis = new RedisServer();
    await redis.start();
    client = new Redis(redis.url, { maxRetriesPerRequest: null });
    client.on('error', () => {}); // it is stopped at times
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  afterAll(async () => {
    client.disconnect();
    await redis.stop('SIGKILL');
  });
  const fresh = () => {
    queue = `ending-${number++}`;
    return queue;
  };
  const jobs = async () => (await client.keys(`bull:${queue}:????????????????????????????????`)).length;
  const batch = (source: string, ...more: string[]) => [
    ...['batch', source, '--redis', redis.url, '--queue', queue, '--output', output(), ...more],
  ];
  async function collector(options = {}) {
    const opened = await Collector.open(redis.url, {
      ...{ queue, request: {}, output: '/x', resume: false, inline: false, onTrouble() {} },
      ...options,
    });
    return opened;
  }
  /** Takes all there is and never answers. */
  function silent(): void {
    const own = new Redis(redis.url, { maxRetriesPerRequest: null });
    own.on('error', () => {});
    const worker = new Worker(queue, () => new Promise(() => {}), { connection: own, concurrency: 50 });
    worker.on('error', () => {});
    closing.push(async () => {
      await worker.close(true);
      own.disconnect();
    });
  }
  const until = async (holds: () => Promise<boolean> | boolean) => {
    while (!(await holds())) await sleep(10);
  };
  const folder = (count: number) => {
    const made = scratch('pictures');
    for (let i = 0; i < count; i++) fs.copyFileSync(PICTURE, path.join(made, `${i}.png`));
    return made;
  };

  test('what is withdrawn at any moment of its way leaves nothing there', async () => {
    fresh();
    for (const wait of [0, 1, 3, 10, 30]) {
      const fleet = await collector({ inline: true });
      closing.push(() => fleet.close());
      const answers = Array.from({ length: 20 }, (_, i) => fleet.answer({ image: PICTURE }, i, signal));
      const ends = Promise.allSettled(answers);
      if (wait > 0) await sleep(wait);
      await fleet.withdraw();
      for (const end of await ends) expect(end).toMatchObject({ reason: expect.any(Withdrawn) });
      await expect(fleet.answer({ image: PICTURE }, 99, signal)).rejects.toBeInstanceOf(Withdrawn);
      expect(await jobs()).toBe(0);
    }
  });
  test('what a worker had and let go of is taken back too', async () => {
    fresh();
    const own = new Redis(redis.url, { maxRetriesPerRequest: null });
    const dying = new Worker(queue, () => new Promise(() => {}), {
      ...{ connection: own, lockDuration: 500, skipLockRenewal: true, skipStalledCheck: true },
    });
    dying.on('error', () => {});
    const fleet = await collector();
    closing.push(() => fleet.close());
    const answer = fleet.answer({ image: PICTURE }, 0, signal);
    const end = expect(answer).rejects.toBeInstanceOf(Withdrawn);
    await until(async () => (await client.llen(`bull:${queue}:active`)) === 1);
    await fleet.withdraw();
    await dying.close(true);
    own.disconnect();
    await end;
    expect(await jobs()).toBe(0);
  });
  test('what waits for room to be sent is not sent after all', async () => {
    fresh();
    const fleet = await collector({ inline: true, inlineBytes: 3 * fs.statSync(PICTURE).size });
    closing.push(() => fleet.close());
    const answers = Array.from({ length: 9 }, (_, i) => fleet.answer({ image: PICTURE }, i, signal));
    const ends = Promise.allSettled(answers);
    await until(async () => (await jobs()) === 2);
    await fleet.withdraw();
    for (const end of await ends) expect(end).toMatchObject({ reason: expect.any(Withdrawn) });
    expect(await jobs()).toBe(0);
  });
  test('Ctrl-C with --inline and no worker ends, and leaves nothing there', async () => {
    fresh();
    const { child, done } = begin(batch(folder(30), '--inline'));
    await until(async () => (await jobs()) === 30);
    child.kill('SIGINT');
    expect(await done).toMatchObject({ status: 130, err: expect.stringMatching(/interrupted; go on with .*--resume/) });
    expect(await jobs()).toBe(0);
  });
  test('a batch that fails leaves nothing there', async () => {
    fresh();
    const list = path.join(folder(8), 'list.txt');
    fs.writeFileSync(list, [0, 1, 2, 3, 'none', 4, 5, 6, 7].map((name) => `${name}.png`).join('\n'));
    const { status, err } = await begin(batch(list, '--inline', '--max-errors', '0')).done;
    expect({ status, err }).toEqual({ status: 1, err: expect.stringMatching(/ERR_TOO_MANY_ERRORS/) });
    expect(await jobs()).toBe(0);
  });
  test('a worker whose engine dies again and again ends with its signal, instead of failing all there is', async () => {
    fresh();
    const worker = begin(['worker', '--model', 'embedded', '--redis', redis.url, '--queue', queue], {
      env: { PALIGEMMA_FAULTS: 'decode:abort:1' },
    });
    const { child, done } = begin(batch(folder(3))); // the engine dies of every try
    expect(await worker.done).toMatchObject({
      status: 134,
      err: expect.stringMatching(/^paligemma: ERR_ENGINE_DIED: .* is not started again/m),
    });
    child.kill('SIGINT');
    await sleep(10);
    child.kill('SIGINT');
    expect((await done).status).toBe(130);
  });
  test('a second Ctrl-C ends at once, whatever a worker does, and brings the cursor back', async () => {
    fresh();
    silent();
    const { child, done, err } = begin(batch(folder(3)), { env: TERMINAL });
    await until(async () => (await client.llen(`bull:${queue}:active`)) === 3);
    child.kill('SIGINT');
    await until(() => err().includes('once more to end at once'));
    child.kill('SIGINT');
    expect((await done).status).toBe(130);
    expect(err().lastIndexOf(HIDE)).toBeGreaterThanOrEqual(0);
    expect(err().lastIndexOf(SHOW)).toBeGreaterThan(err().lastIndexOf(HIDE));
  });
  test('a user of Redis who may do too little is told so, and nothing stays open', async () => {
    fresh();
    await client.call('ACL', 'SETUSER', 'limited', 'on', '>secret', '~*', '&*', '+@connection', '+info');
    const limited = ['--redis', redis.url.replace('//', '//limited:secret@'), '--queue', queue];
    const { status, err } = await begin(['batch', PICTURE, '--output', output(), ...limited]).done;
    expect({ status, err }).toEqual({
      status: 1,
      err: expect.stringMatching(/^paligemma: ERR_QUEUE_UNAVAILABLE: the queue cannot be used: NOPERM.*\n$/),
    });
    const worker = begin(['worker', '--model', 'embedded', ...limited]);
    await until(() => worker.err().includes('Redis refuses: NOPERM'));
    worker.child.kill('SIGTERM');
    expect((await worker.done).status).toBe(0);
  });

  describe('that goes away', () => {
    afterEach(async () => {
      await redis.stop('SIGKILL');
      await redis.start();
    });
    test('closing does not wait for it, gone or frozen', async () => {
      for (const leave of ['SIGKILL', 'SIGSTOP'] as const) {
        fresh();
        const fleet = await collector();
        let end = (_: { text: string; timings: Timings }) => {};
        const work = new Promise<{ text: string; timings: Timings }>((resolve) => {
          end = resolve;
        });
        const worker = await startWorker(redis.url, () => work, {
          ...{ queue, concurrency: 1, stalledAfter: 30, access: await Access.open() },
          ...{ onOutcome() {}, onFailed() {}, onGivenUp() {}, onTrouble() {} },
        });
        const answer = fleet.answer({ image: PICTURE }, 0, signal);
        const withdrawn = expect(answer).rejects.toBeInstanceOf(Withdrawn);
        await until(async () => (await client.llen(`bull:${queue}:active`)) === 1);
        if (leave === 'SIGKILL') await redis.stop(leave);
        else redis.freeze();
        await fleet.close();
        await withdrawn;
        expect(await worker.close()).toBe(false);
        end({ text: '', timings: {} as Timings }); // else BullMQ keeps this process
        await redis.stop('SIGKILL');
        await redis.start();
      }
    });
    test('a batch that is interrupted twice ends, and so does a worker', async () => {
      fresh();
      const one = begin(['worker', '--model', 'embedded', '--redis', redis.url, '--queue', queue]);
      await until(() => one.err().includes('"ready"'));
      fresh(); // the batch has no worker
      const { child, done, err } = begin(batch(folder(3)));
      await until(async () => (await jobs()) === 3);
      await redis.stop('SIGKILL');
      await until(() => err().includes('trying again until it is back'));
      child.kill('SIGINT');
      await until(() => err().includes('once more to end at once'));
      child.kill('SIGINT');
      one.child.kill('SIGTERM');
      expect((await done).status).toBe(130);
      expect([0, 1]).toContain((await one.done).status);
    });
    test('a Redis that never answers is none', async () => {
      redis.freeze();
      await expect(collector()).rejects.toMatchObject({
        code: 'ERR_QUEUE_UNAVAILABLE',
        message: expect.stringMatching(/does not answer: nothing within 10 s/),
      });
    });
  });
});
