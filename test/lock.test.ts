// Locks between processes: one holder at a time, whoever dies.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { nameOfThis } from '../lib/base/holder.js';
import { isHeld, type Lock, tryLock } from '../lib/base/lock.js';
import { scratch } from './helpers/fixtures.js';

const place = () => path.join(scratch('lock'), 'x.lock');
const here = { pid: process.pid, host: os.hostname() };
const others: ChildProcess[] = [];

afterEach(() => {
  jest.useRealTimers();
  for (const child of others.splice(0)) child.kill('SIGKILL');
});

/** The file of another process, last seen so many seconds ago. */
function lies(where: string, name: string, seconds = 0): void {
  fs.mkdirSync(where, { recursive: true });
  fs.writeFileSync(path.join(where, name), '');
  const seen = Date.now() / 1000 - seconds;
  fs.utimesSync(path.join(where, name), seen, seen);
}

function another(): { pid: number; name: string } {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  others.push(child);
  const pid = child.pid as number;
  const stat = process.platform === 'linux' ? fs.readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
  const started = stat.replace(/^.*\) /s, '').split(' ')[19] ?? '';
  return { pid, name: nameOfThis().replace(/^\d+-\d*/, `${pid}-${started}`) };
}

test('one holder at a time, of many that come at once', async () => {
  const where = place();
  for (let round = 0; round < 3; round++) {
    const all = await Promise.all(Array.from({ length: 16 }, () => tryLock(where)));
    const holders = all.filter((lock): lock is Lock => !isHeld(lock));
    expect(holders).toHaveLength(1);
    expect(all.filter(isHeld)).toEqual(Array(15).fill(here));
    await holders[0]?.release();
    expect(fs.existsSync(where)).toBe(false);
  }
});

describe('the lock of another process', () => {
  test('is told with its pid', async () => {
    const where = place();
    const { pid, name } = another();
    lies(where, name);
    expect(await tryLock(where)).toEqual({ pid, host: os.hostname() });
  });
  test('counts for nothing once that has died', async () => {
    const where = place();
    const { name } = another();
    lies(where, name);
    const ended = once(others[0] as ChildProcess, 'exit');
    others[0]?.kill('SIGKILL');
    await ended;
    const lock = await tryLock(where);
    expect(isHeld(lock)).toBe(false);
    expect(fs.readdirSync(where)).not.toContain(name);
    await (lock as Lock).release();
  });
  const onLinux = process.platform === 'linux' ? test : test.skip;
  onLinux('stays its own while that is stopped', async () => {
    const where = place();
    const { pid, name } = another();
    lies(where, name, 3600);
    expect(await tryLock(where)).toMatchObject({ pid });
  });
  onLinux('counts for nothing when its pid is another process now', async () => {
    const where = place();
    const { name } = another();
    lies(where, name.replace(/-\d+-/, '-1-'));
    expect(isHeld(await tryLock(where))).toBe(false);
  });
  test('of another machine is its own as long as it gives signs', async () => {
    const elsewhere = nameOfThis().replace(/@.*/, '@far.away-00000000');
    const where = place();
    lies(where, elsewhere, 30);
    expect(await tryLock(where)).toEqual({ pid: process.pid, host: 'far.away' });
    lies(where, elsewhere, 90);
    expect(isHeld(await tryLock(where))).toBe(false);
  });
});

test('whose lock was taken away hears of it', async () => {
  jest.useFakeTimers({ doNotFake: ['setTimeout', 'nextTick', 'setImmediate', 'queueMicrotask'] });
  const where = place();
  const lock = (await tryLock(where)) as Lock;
  const [file] = fs.readdirSync(where).map((name) => path.join(where, name)) as [string];
  fs.utimesSync(file, 0, 0);
  jest.advanceTimersByTime(5_000);
  while (fs.statSync(file).mtimeMs === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(lock.lost.aborted).toBe(false);
  fs.rmSync(where, { recursive: true });
  const lost = once(lock.lost, 'abort');
  jest.advanceTimersByTime(5_000);
  await lost;
  await lock.release();
});

(process.platform === 'linux' ? test : test.skip)('is an error where no folder can be made', async () => {
  await expect(tryLock('/proc/none/x.lock')).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(tryLock('/proc/x.lock')).rejects.toMatchObject({ code: 'ENOENT' });
});
