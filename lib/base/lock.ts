// Locks that other processes see, and that tell who holds them.
import { rmdirSync, rmSync } from 'node:fs';
import { mkdir, readdir, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Holder, isAlive, nameOfThis, parseName } from './holder.js';

const SIGN_EVERY_MS = 5_000;
/** Between two looks: longer than who comes in vain lies there. */
const PAUSE_MS = 20;
const LOOKS = 50;

/** A lock that this process has. */
export interface Lock {
  /** Aborted when the lock was taken away: this process gave no sign for long, or somebody removed it. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** What this process holds, by where it lies. */
const held = new Set<string>();
let tidying = false;

/**
 * Takes the lock, or tells who holds it. The lock of a process that is dead counts for nothing.
 *
 * It is the folder `place`, in which whoever wants it puts a file that is named after the process, and then looks: alone there,
 * it has the lock; else it takes its file away again. Two that come at once may both go, never both stay.
 */
export async function tryLock(place: string): Promise<Lock | Holder> {
  let before: string[] = [];
  for (let look = 0; ; look++) {
    let others = await living(place);
    if (others.length === 0) {
      const name = nameOfThis();
      const file = path.join(place, name);
      await makeFolder(place);
      try {
        await writeFile(file, '', { flag: 'wx' });
      } catch (error) {
        if (codeOf(error) !== 'ENOENT' || look >= LOOKS) throw error;
        await sleep(PAUSE_MS * Math.random()); // who had it has just taken the folder away
        continue;
      }
      const all = await living(place);
      others = all.filter((other) => other !== name);
      if (others.length === 0 && all.length === 1) return hold(file);
      await leave(file);
    }
    // Who lies there at two looks has it; who comes in vain lies there for a moment.
    const holder = others.find((name) => before.includes(name)) ?? (look < LOOKS ? undefined : others[0]);
    const { pid, host } = parseName(holder ?? '') ?? {};
    if (pid !== undefined && host !== undefined) return { pid, host };
    before = others;
    await sleep(PAUSE_MS * (1 + Math.random()));
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code;

/** With those around it. (Node's own `recursive` never ends where a folder says that it is not there, as below /proc.) */
async function makeFolder(folder: string): Promise<void> {
  const make = () =>
    mkdir(folder).catch((error) => {
      if (codeOf(error) !== 'EEXIST') throw error;
    });
  try {
    await make();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    await makeFolder(path.dirname(folder));
    await make();
  }
}

/** Whether {@link tryLock} came in vain: somebody else has it. */
export const isHeld = (lock: Lock | Holder): lock is Holder => 'pid' in lock;

/** Those who lie there and are alive. The dead are taken away. */
async function living(place: string): Promise<string[]> {
  const alive: string[] = [];
  for (const name of await readdir(place).catch(ignoreMissing)) {
    const holder = parseName(name);
    if (!holder) continue;
    const file = path.join(place, name);
    const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: undefined }));
    if (mtimeMs === undefined) continue;
    if (isAlive(holder, mtimeMs)) alive.push(name);
    else await leave(file);
  }
  return alive;
}

function hold(file: string): Lock {
  if (!tidying) process.on('exit', leaveAll);
  tidying = true;
  held.add(file);
  const lost = new AbortController();
  const timer = setInterval(async () => {
    const now = new Date();
    await utimes(file, now, now).catch((error) => {
      if (error.code === 'ENOENT' && held.has(file)) lost.abort();
    });
  }, SIGN_EVERY_MS).unref();
  return {
    lost: lost.signal,
    async release() {
      clearInterval(timer);
      held.delete(file);
      await leave(file).catch(() => {}); // its folder may be gone
    },
  };
}

/** The folder goes with the last one. */
async function leave(file: string): Promise<void> {
  await rm(file, { force: true });
  await rmdir(path.dirname(file)).catch(() => {});
}

function leaveAll(): void {
  for (const file of held)
    try {
      rmSync(file, { force: true });
      rmdirSync(path.dirname(file));
    } catch {
      // what is left is that of a dead process
    }
}

function ignoreMissing(error: NodeJS.ErrnoException): string[] {
  if (error.code === 'ENOENT') return [];
  throw error;
}
