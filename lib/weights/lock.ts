import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeHolder, isThis } from '../base/holder.js';
import { isHeld, type Lock, tryLock } from '../base/lock.js';
import { notice } from '../base/notice.js';

const POLL_MS = 250;

export const lockOf = (folder: string): string => path.join(folder, '.lock');

/**
 * Runs `work` while no other process (or other call) does so for the same folder, which must exist. Others wait; when the
 * holder dies, one of them takes over. The lock is the folder `.lock` inside.
 * @param onNotice told once which other process is waited for; without it a warning of the process says so
 */
export async function withLock<T>(
  folder: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  onNotice?: (text: string) => void,
): Promise<T> {
  const lock = await acquire(folder, signal, onNotice);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function acquire(
  folder: string,
  signal: AbortSignal | undefined,
  onNotice: ((text: string) => void) | undefined,
): Promise<Lock> {
  for (let told = false; ; ) {
    signal?.throwIfAborted();
    // A lock lost while we work (a machine that slept) harms nothing: what is written aside is checked before it is moved.
    const lock = await tryLock(lockOf(folder));
    if (!isHeld(lock)) return lock;
    if (!told && !isThis(lock)) {
      notice(`waiting for ${describeHolder(lock)}, which is at work in ${folder}`, 'PALIGEMMA_WAITING', onNotice);
      told = true;
    }
    await sleep(POLL_MS, undefined, { signal }).catch(() => {});
  }
}
