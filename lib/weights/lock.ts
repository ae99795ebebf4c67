import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isHeld, type Lock, tryLock } from '../lock.js';

const POLL_MS = 250;

export const lockOf = (folder: string): string => path.join(folder, '.lock');

/**
 * Runs `work` while no other process (or other call) does so for the same folder, which must exist. Others wait; when the
 * holder dies, one of them takes over. The lock is the folder `.lock` inside.
 */
export async function withLock<T>(folder: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const lock = await acquire(folder, signal);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function acquire(folder: string, signal: AbortSignal | undefined): Promise<Lock> {
  while (true) {
    signal?.throwIfAborted();
    // A lock lost while we work (a machine that slept) harms nothing: what is written aside is checked before it is moved.
    const lock = await tryLock(lockOf(folder));
    if (!isHeld(lock)) return lock;
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
}
