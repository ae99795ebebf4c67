// A fleet whose Redis somebody else can write to, and workers that send what is no outcome.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { Collector } from '../../cli/fleet/collector.js';
import { failureOf, MAX_OBJECTS, MAX_TEXT, outcomeOf } from '../../cli/fleet/outcome.js';
import { startWorker } from '../../cli/fleet/worker.js';
import { Access } from '../../lib/image/access.js';
import { start } from '../helpers/command.js';
import { PICTURE, scratch } from '../helpers/fixtures.js';
import { RedisServer } from '../helpers/redis.js';

const whereRedisIs = RedisServer.available() ? describe : describe.skip;
const timings = { image: 0, queue: 0, vision: 0, prefill: 0, decode: 0, total: 1 };
const box = { xmin: 0, ymin: 1.5, xmax: 2, ymax: 3 };
const object = { label: 'cat', score: 0.5, box };
const mask = { size: [3, 4], counts: '0o1' };

describe('an outcome', () => {
  test('is taken as it is when it is one', () => {
    for (const outcome of [
      { text: '', timings },
      { objects: [], timings },
      { objects: [object, { ...object, mask: null }, { ...object, mask }], timings },
      { error: { code: 'ERR_INVALID_IMAGE', message: 'torn' } },
      { error: { code: 'ERR_UNKNOWN', message: '' } },
    ])
      expect(outcomeOf(outcome)).toEqual(outcome);
  });
  test('loses what an outcome does not have', () => {
    const more = { id: '../x', index: 7, image: '/etc/x.png', source: 'y', input: {}, constructor: 1 };
    expect(outcomeOf({ ...more, text: 'a dog', timings: { ...timings, more: 1 } })).toEqual({ text: 'a dog', timings });
    const found = { ...object, image: '/x', box: { ...box, z: 1 }, mask: { ...mask, path: '/x' } };
    expect(outcomeOf({ objects: [found], timings })).toEqual({ objects: [{ ...object, mask }], timings });
    expect(outcomeOf({ ...more, error: { code: 'ERR_UNKNOWN', message: 'm', path: '/x' }, text: 'a' })).toEqual({
      error: { code: 'ERR_UNKNOWN', message: 'm' },
    });
  });
  test.each([
    ['nothing', undefined],
    ['a text', 'a dog'],
    ['an array', [{ text: 'a dog', timings }]],
    ['without an answer', { timings }],
    ['with two answers', { text: 'a', objects: [], timings }],
    ['with a text that is none', { text: 5, timings }],
    ['with a text without end', { text: 'x'.repeat(MAX_TEXT + 1), timings }],
    ['without timings', { text: 'a' }],
    ['with a timing that is no number', { text: 'a', timings: { ...timings, total: '1' } }],
    ['with a timing below 0', { text: 'a', timings: { ...timings, total: -1 } }],
    ['with objects that are none', { objects: {}, timings }],
    ['with objects without end', { objects: Array(MAX_OBJECTS + 1).fill(object), timings }],
    ['with labels without end', { objects: Array(3).fill({ ...object, label: 'x'.repeat(MAX_TEXT / 2) }), timings }],
    ['with an object without a box', { objects: [{ ...object, box: undefined }], timings }],
    ['with a side that is no number', { objects: [{ ...object, box: { ...box, xmin: null } }], timings }],
    ['with a score above 1', { objects: [{ ...object, score: 2 }], timings }],
    ['with a mask of no size', { objects: [{ ...object, mask: { ...mask, size: [0, 4] } }], timings }],
    ['with a mask of three sides', { objects: [{ ...object, mask: { ...mask, size: [1, 2, 3] } }], timings }],
    ['with runs that are none', { objects: [{ ...object, mask: { ...mask, counts: '~~' } }], timings }],
    ['with an error that is a text', { error: 'ERR_UNKNOWN' }],
    ['with an error of an unknown code', { error: { code: 'ERR_X', message: 'm' } }],
    ['with an error without words', { error: { code: 'ERR_UNKNOWN' } }],
  ])('that is none, %s, is an error', (_, value) => {
    expect(outcomeOf(value)).toEqual({
      error: { code: 'ERR_INVALID_OUTCOME', message: expect.stringMatching(/^what a worker sent is no outcome: /) },
    });
  });
  test('of a job that failed keeps its code when it is one', () => {
    const error = (code: string, message: string) => ({ error: { code, message } });
    expect(failureOf('ERR_OUT_OF_MEMORY: no: room\nat all')).toEqual(error('ERR_OUT_OF_MEMORY', 'no: room\nat all'));
    expect(failureOf('job stalled')).toEqual(error('ERR_WORKER_LOST', 'job stalled'));
    expect(failureOf('ERR_MADE_UP: x')).toEqual(error('ERR_WORKER_LOST', 'x'));
    expect(failureOf(undefined)).toEqual(error('ERR_WORKER_LOST', 'undefined'));
  });
});

whereRedisIs('over a Redis that others write to', () => {
  const redis = new RedisServer();
  const closing: (() => unknown)[] = [];
  beforeAll(() => redis.start());
  afterAll(async () => {
    for (const close of closing.reverse()) await close();
    await redis.stop();
  });
  /** A worker that returns what it likes. */
  function hostile(queue: string, answer: (number: number) => unknown): void {
    const client = new Redis(redis.url, { maxRetriesPerRequest: null });
    let number = 0;
    const worker = new Worker(queue, async () => answer(number++), { connection: client });
    closing.push(async () => {
      await worker.close();
      client.disconnect();
    });
  }

  test('answers neither choose paths nor end the batch', async () => {
    const folder = scratch('hostile');
    const elsewhere = scratch('elsewhere');
    const names = ['a', 'b', 'c', 'd'].map((name) => path.join(folder, `${name}.png`));
    for (const name of names) fs.copyFileSync(PICTURE, name);
    const target = path.join(elsewhere, 'planted.png');
    hostile('hostile', (number) =>
      number === 1 ? 'nonsense' : { id: target, index: 99, image: target, source: target, text: 'mine', timings },
    );
    const args = ['batch', folder, '--redis', redis.url, '--queue', 'hostile'];
    expect(await start([...args, '--output', 'sidecar']).done).toMatchObject({ status: 1 });
    expect(fs.readdirSync(elsewhere)).toEqual([]);
    expect(fs.readdirSync(folder).filter((name) => name.endsWith('.txt')).length).toBe(3);
    const file = path.join(scratch('hostile-out'), 'out.jsonl');
    expect(await start([...args, '--output', file, '--ordered']).done).toMatchObject({ status: 0 });
    const lines = fs.readFileSync(file, 'utf8').trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(
      names.map((name, index) => ({ id: name, index, image: name, text: 'mine', timings })),
    );
  });

  async function collector(queue: string) {
    const opened = await Collector.open(redis.url, {
      ...{ queue, request: {}, output: '/x', resume: false, inline: false },
      onTrouble() {},
    });
    closing.push(() => opened.close());
    return opened;
  }
  const { signal } = new AbortController();

  test('events and jobs that nobody can read do not hold up the others', async () => {
    const fleet = await collector('torn');
    const answers = [0, 1, 2].map((index) => fleet.answer({ image: PICTURE }, index, signal));
    const client = new Redis(redis.url);
    closing.push(() => client.disconnect());
    let jobs: string[] = [];
    while (jobs.length < 3) {
      await sleep(10);
      jobs = await client.lrange('bull:torn:wait', 0, -1);
    }
    // An event without JSON, one for a job of ours with JSON of something else, and a job whose data is torn.
    await client.xadd('bull:torn:events', '*', 'event', 'completed', 'jobId', 'x', 'returnvalue', '{');
    await client.hset(`bull:torn:${jobs[0]}`, 'data', '{');
    await client.lrem('bull:torn:wait', 1, jobs[0] as string);
    await client.zadd('bull:torn:completed', Date.now(), jobs[0] as string);
    hostile('torn', () => ({ text: 'yes', timings }));
    const outcomes = await Promise.all(answers);
    expect(outcomes.filter((outcome) => 'text' in outcome).length).toBe(2);
    expect(outcomes.find((outcome) => 'error' in outcome)).toMatchObject({ error: { code: 'ERR_INVALID_OUTCOME' } });
  });

  test('jobs that are none are errors, and the worker goes on', async () => {
    const client = new Redis(redis.url, { maxRetriesPerRequest: null });
    const queue = new Queue('jobs', { connection: client });
    closing.push(async () => {
      await queue.close();
      client.disconnect();
    });
    const wrong = [null, {}, { picture: {}, question: {}, request: {} }, { picture: { url: 'file:///etc/passwd' } }];
    const whole = { picture: { path: PICTURE }, question: {}, request: {} };
    const jobs = await queue.addBulk([...wrong, whole].map((data) => ({ name: 'picture', data })));
    const outcomes: object[] = [];
    const worker = await startWorker(redis.url, async () => ({ text: 'yes', timings }), {
      ...{ queue: 'jobs', concurrency: 1, stalledAfter: 30, access: await Access.open() },
      onOutcome: (_, outcome) => outcomes.push(outcome),
      onFailed() {},
      onGivenUp() {},
      onTrouble() {},
    });
    closing.push(() => worker.close());
    while (outcomes.length < jobs.length) await sleep(10);
    expect(outcomes).toEqual([
      ...wrong.map(() => ({ error: { code: 'ERR_INVALID_ARGUMENT', message: expect.any(String) } })),
      { text: 'yes', timings },
    ]);
  });

  test("a worker's root and limit hold for what it is sent", async () => {
    const root = scratch('root');
    const inside = path.join(root, 'a.png');
    fs.copyFileSync(PICTURE, inside);
    const { size } = fs.statSync(PICTURE);
    let tries = 0;
    const worker = await startWorker(redis.url, async () => ({ text: 'yes', timings }), {
      ...{ queue: 'root', concurrency: 1, stalledAfter: 30, access: await Access.open({ root, maxBytes: size }) },
      onOutcome() {
        tries++;
      },
      onFailed() {},
      onGivenUp() {},
      onTrouble() {},
    });
    closing.push(() => worker.close());
    const fleet = await collector('root');
    expect(await fleet.answer({ image: inside }, 0, signal)).toMatchObject({ text: 'yes' });
    const refused = (message: RegExp) => ({
      error: { code: 'ERR_INVALID_IMAGE', message: expect.stringMatching(message) },
    });
    expect(await fleet.answer({ image: PICTURE }, 1, signal)).toEqual(refused(/is not below/));
    fs.appendFileSync(inside, 'x');
    expect(await fleet.answer({ image: inside }, 2, signal)).toEqual(refused(/larger than the limit of \d+ bytes/));
    expect(await fleet.answer({ image: Buffer.alloc(size + 1) }, 3, signal)).toEqual(refused(/larger than the limit/));
    expect(tries).toBe(4); // what is forbidden is not tried again
  });
});
