import { expect, test } from '@jest/globals';
import { deferred } from '../lib/engine/deferred.js';
import { Gate } from '../lib/engine/gate.js';

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
