import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { deferred } from '../lib/base/deferred.js';
import { Gate } from '../lib/base/gate.js';

test('lets so many in at a time, in order', async () => {
  const gate = new Gate(2);
  const works = Array.from({ length: 6 }, () => deferred<void>());
  const begun: number[] = [];
  const ends = works.map((work, i) =>
    gate.run(async () => {
      begun.push(i);
      await work.promise;
      return i;
    }),
  );
  expect(begun).toEqual([0, 1]);
  works[1]?.resolve();
  await ends[1];
  expect(begun).toEqual([0, 1, 2]);
  for (const work of works) work.resolve();
  expect(await Promise.all(ends)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(begun).toEqual([0, 1, 2, 3, 4, 5]);
});

test('a failure frees its place', async () => {
  const gate = new Gate(1);
  const failed = gate.run(() => Promise.reject(new Error('no')));
  const next = gate.run(async () => 'yes');
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('yes');
});

test('who gives up while waiting is passed over', async () => {
  const gate = new Gate(1);
  const first = deferred<void>();
  const running = gate.run(() => first.promise);
  const abort = new AbortController();
  let begun = false;
  const given = gate.run(async () => {
    begun = true;
  }, abort.signal);
  const last = gate.run(async () => 'last');
  abort.abort(new Error('enough'));
  await expect(given).rejects.toThrow('enough');
  await expect(gate.run(async () => 0, abort.signal)).rejects.toThrow('enough');
  first.resolve();
  await running;
  expect([await last, begun]).toEqual(['last', false]);
});

test('weights share the room, in order: a light one does not overtake a heavy one that waits', async () => {
  const gate = new Gate(10);
  const works = Array.from({ length: 4 }, () => deferred<void>());
  const begun: number[] = [];
  const ends = [6, 5, 1, 4].map((weight, i) =>
    gate.run(
      () => {
        begun.push(i);
        return works[i]?.promise as Promise<void>;
      },
      undefined,
      weight,
    ),
  );
  expect(begun).toEqual([0]);
  works[0]?.resolve();
  await ends[0];
  expect(begun).toEqual([0, 1, 2, 3]);
  for (const work of works) work.resolve();
  await Promise.all(ends);
});

test('what is heavier than the room goes alone', async () => {
  const gate = new Gate(10);
  const [first, heavy] = [deferred<void>(), deferred<void>()];
  const begun: string[] = [];
  const run = (name: string, weight: number, until: Promise<void>) =>
    gate.run(
      () => {
        begun.push(name);
        return until;
      },
      undefined,
      weight,
    );
  const ends = [run('light', 1, first.promise), run('heavy', 25, heavy.promise), run('last', 1, Promise.resolve())];
  expect(begun).toEqual(['light']);
  first.resolve();
  await ends[0];
  expect(begun).toEqual(['light', 'heavy']);
  heavy.resolve();
  await Promise.all(ends);
  expect(begun).toEqual(['light', 'heavy', 'last']);
});

test('when a heavy one gives up, the lighter ones behind it go on', async () => {
  const gate = new Gate(10);
  const first = deferred<void>();
  const abort = new AbortController();
  const running = gate.run(() => first.promise, undefined, 6);
  const heavy = gate.run(async () => {}, abort.signal, 8);
  const light = gate.run(async () => 'light', undefined, 4);
  abort.abort(new Error('enough'));
  await expect(heavy).rejects.toThrow('enough');
  expect(await light).toBe('light');
  first.resolve();
  await running;
});

test('work that turns out lighter lets others in, heavier keeps them out', async () => {
  const gate = new Gate(10);
  const ends = [deferred<void>(), deferred<void>()];
  let said = (_: number) => {};
  const first = gate.run(
    ({ reweigh }) => {
      said = reweigh;
      return ends[0]?.promise as Promise<void>;
    },
    undefined,
    10,
  );
  let begun = 0;
  const others = [1, 1].map((weight) =>
    gate.run(
      async () => {
        begun++;
        await ends[1]?.promise;
      },
      undefined,
      weight,
    ),
  );
  said(15);
  expect(begun).toBe(0);
  said(9);
  await new Promise(setImmediate);
  expect(begun).toBe(1);
  ends[0]?.resolve();
  await first;
  expect(begun).toBe(2);
  ends[1]?.resolve();
  await Promise.all(others);
});

test('an abort rejects at once, and work that cannot be ended keeps its place until it has ended', async () => {
  const gate = new Gate(1);
  const first = deferred<void>();
  const abort = new AbortController();
  const running = gate.run(() => first.promise, abort.signal);
  let begun = false;
  const next = gate.run(async () => {
    begun = true;
  });
  abort.abort(new Error('enough'));
  await expect(running).rejects.toThrow('enough');
  expect(begun).toBe(false);
  first.resolve();
  await next;
  expect(begun).toBe(true);
});

test('a closed gate rejects who waits, who is inside and who comes, and lets nobody in', async () => {
  const gate = new Gate(1);
  const first = deferred<void>();
  let begun = 0;
  let told: unknown;
  const inside = gate.run(({ signal }) => {
    signal.addEventListener('abort', () => {
      told = signal.reason;
    });
    return first.promise;
  });
  const work = async () => {
    begun++;
  };
  const waiting = [gate.run(work), gate.run(work)];
  const reason = new Error('closed');
  gate.close(reason);
  await expect(inside).rejects.toBe(reason);
  for (const one of [...waiting, gate.run(work)]) await expect(one).rejects.toBe(reason);
  first.resolve();
  await new Promise(setImmediate);
  expect([begun, told]).toEqual([0, reason]);
});

test('random weights, ends, aborts and failures: never more than the room, everyone is answered', async () => {
  const step = fc.record({
    weight: fc.integer({ min: 1, max: 14 }),
    ends: fc.integer({ min: 0, max: 9 }),
    how: fc.constantFrom('ends', 'ends', 'fails', 'aborts'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const gate = new Gate(10);
      const inside = new Set<number>();
      const runs = steps.map(async ({ weight, ends, how }, i) => {
        const abort = new AbortController();
        const work = async () => {
          inside.add(i);
          const sum = [...inside].reduce((total, k) => total + (steps[k]?.weight as number), 0);
          try {
            if (sum > 10 && inside.size > 1) throw new Error(`${sum} at a time`);
            for (let turn = 0; turn < ends; turn++) await new Promise(setImmediate);
            if (how === 'fails') throw new Error('failed');
            return 'ended';
          } finally {
            inside.delete(i);
          }
        };
        const run = gate.run(work, abort.signal, weight).catch((error: Error) => error.message);
        if (how === 'aborts') setImmediate(() => abort.abort(new Error('aborted')));
        return run;
      });
      const results = await Promise.all(runs);
      for (const [i, result] of results.entries())
        if (steps[i]?.how === 'ends') expect(result).toBe('ended');
        else if (steps[i]?.how === 'fails') expect(result).toBe('failed');
        else expect(['aborted', 'ended']).toContain(result);
      expect(await gate.run(async () => 'free', undefined, 10)).toBe('free');
    }),
    { numRuns: 60 },
  );
});
