import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { until } from '../../cli/batch/until.js';
import { run } from '../../lib/batch/run.js';

const options = { window: 4, ordered: false, signal: undefined };
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const gather = async <T>(values: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
};

describe('a batch of work', () => {
  test('gives every result once, as they come or in order', async () => {
    const work = async (n: number) => {
      await sleep((n * 7) % 5);
      return n;
    };
    const any = await gather(run(numbers(50), work, options));
    expect([...any].sort((a, b) => a - b)).toEqual(numbers(50));
    expect(any).not.toEqual(numbers(50));
    expect(await gather(run(numbers(50), work, { ...options, ordered: true }))).toEqual(numbers(50));
  });
  test('reads no further ahead than its window while nobody takes results', async () => {
    let read = 0;
    function* source() {
      for (const n of numbers(100)) {
        read++;
        yield n;
      }
    }
    const results = run(source(), async (n) => n, options);
    for (let taken = 1; taken <= 10; taken++) {
      await results.next();
      await sleep(1);
      expect(read).toBeLessThanOrEqual(taken + options.window);
    }
    await results.return();
  });
  test('reads no further ahead than memory allows, and one item whatever it weighs', async () => {
    let read = 0;
    function* source() {
      for (const n of numbers(12)) {
        read++;
        yield n;
      }
    }
    const weigh = (n: number) => (n === 5 ? 1 << 30 : 50 << 20);
    const ahead: number[] = [];
    for await (const n of run(source(), async (n) => n, { ...options, window: 10, ordered: true, weigh })) {
      await sleep(1);
      ahead.push(read - n);
    }
    // Of 50 MiB each three are held; behind the heavy one nothing is read until it is taken.
    expect(ahead).toEqual([3, 3, 3, 3, 2, 1, 3, 3, 3, 3, 2, 1]);
  });
  test('works on as many at a time as the window has', async () => {
    let now = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++now);
      await sleep(2);
      now--;
    };
    await gather(run(numbers(30), work, options));
    expect(most).toBe(options.window);
  });
  test('finishes what is begun when the source breaks, and then says so', async () => {
    async function* source() {
      yield 1;
      yield 2;
      throw new Error('torn');
    }
    const results: number[] = [];
    const all = async () => {
      for await (const n of run(
        source(),
        async (n) => {
          await sleep(10);
          return n;
        },
        options,
      ))
        results.push(n);
    };
    await expect(all()).rejects.toThrow('torn');
    expect(results).toEqual([1, 2]);
  });
  test('ends with the error of work that rejects', async () => {
    const all = gather(run(numbers(9), async (n) => (n === 3 ? Promise.reject(new Error('no')) : n), options));
    await expect(all).rejects.toThrow('no');
  });
  test('aborts what is unfinished when the loop is left, and closes the source', async () => {
    let closed = false;
    let aborted = 0;
    let begun = 0;
    async function* source() {
      try {
        for (const n of numbers(100)) yield n;
      } finally {
        closed = true;
      }
    }
    const work = (n: number, signal: AbortSignal) =>
      ++begun === 1
        ? Promise.resolve(n)
        : new Promise<number>((_, reject) =>
            signal.addEventListener('abort', () => {
              aborted++;
              reject(signal.reason);
            }),
          );
    for await (const _ of run(source(), work, options)) break;
    expect(begun).toBeGreaterThan(1);
    expect(aborted).toBe(begun - 1);
    expect(closed).toBe(true);
  });
  test("rejects with the signal's reason, before and while it runs", async () => {
    const reason = new Error('enough');
    const never = () => new Promise<never>(() => {});
    await expect(gather(run(numbers(5), never, { ...options, signal: AbortSignal.abort(reason) }))).rejects.toBe(
      reason,
    );
    const controller = new AbortController();
    const all = gather(run(numbers(5), never, { ...options, signal: controller.signal }));
    setTimeout(() => controller.abort(reason), 5);
    await expect(all).rejects.toBe(reason);
  });
});

test('a source that never answers is left at once', async () => {
  async function* source() {
    yield 1;
    await new Promise(() => {});
  }
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 10);
  expect(await gather(until(source(), stop.signal))).toEqual([1]);
});
