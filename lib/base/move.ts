import fs from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** What Windows says of a file that another process has open. */
const IN_USE = ['EPERM', 'EBUSY', 'EACCES'];
const PATIENCE_MS = 2_000;
const FIRST_PAUSE_MS = 10;

/**
 * Gives a file its name, in place of what has it. On Windows that fails while anybody has either open, and virus scanners and
 * indexers look into files that have just been written: so it is tried for a while there.
 */
export async function move(from: string, to: string, platform = process.platform): Promise<void> {
  const patience = platform === 'win32' ? PATIENCE_MS : 0;
  let waited = 0;
  for (let pause = FIRST_PAUSE_MS; ; pause *= 2) {
    try {
      return await fs.rename(from, to);
    } catch (error) {
      if (waited >= patience || !IN_USE.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
      await sleep(pause);
      waited += pause;
    }
  }
}
