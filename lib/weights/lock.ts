import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import lockfile from 'proper-lockfile';

/** A holder that gives no sign for so long is dead. */
const STALE_MS = 10_000;
const POLL_MS = 250;

/**
 * Runs `work` while no other process (or other call) does so for the same folder, which must exist. Others wait; when the
 * holder dies, one of them takes over. The lock is the folder `.lock` inside.
 * @param onWait called once when somebody else holds the lock
 */
export async function withLock<T>(
  folder: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  onWait?: () => void,
): Promise<T> {
  const release = await acquire(folder, signal, onWait);
  try {
    return await work();
  } finally {
    await release().catch(() => {}); // the folder may be gone with its lock
  }
}

async function acquire(folder: string, signal: AbortSignal | undefined, onWait: (() => void) | undefined) {
  const options = {
    lockfilePath: path.join(folder, '.lock'),
    stale: STALE_MS,
    realpath: false,
    // A lock lost while we work (a machine that slept) harms nothing: what is written aside is checked before it is moved.
    onCompromised: () => {},
  };
  for (let told = false; ; told = true) {
    signal?.throwIfAborted();
    try {
      return await lockfile.lock(folder, options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      if (!told) onWait?.();
      await sleep(POLL_MS, undefined, { signal }).catch(() => {});
    }
  }
}
