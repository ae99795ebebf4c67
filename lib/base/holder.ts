// Who holds a lock, as the name of a file, and whether that process is still there.
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import os from 'node:os';

/** The process that holds a lock. */
export interface Holder {
  pid: number;
  host: string;
}

interface Named extends Holder {
  /** When it was started, in the kernel's ticks since the machine's start. Empty where that is not known (other than Linux). */
  started: string;
  /** Of the machine since its last start, and what pids mean there: containers have pids of their own. */
  machine: string;
}

/** Without a sign for so long a process is taken for dead, where nothing better is known of it. */
const SILENT_MS = 60_000;
const NAME = /^(\d+)-(\d*)-[0-9a-f]{8}@(.+)-([0-9a-f]{8})$/;

/** A name that tells this process, another one each time. */
export function nameOfThis(): string {
  const { pid, started, host, machine } = here();
  return `${pid}-${started}-${randomUUID().slice(0, 8)}@${host}-${machine}`;
}

/** What such a name tells; undefined: it is no such name. */
export function parseName(name: string): Named | undefined {
  const [, pid, started = '', host = '', machine = ''] = NAME.exec(name) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), started, host, machine };
}

/** Whether it is there, as far as can be told. @param lastSign in milliseconds since 1970 */
export function isAlive({ pid, started, machine }: Named, lastSign: number): boolean {
  if (machine === here().machine) {
    if (!exists(pid)) return false;
    const startedNow = startOf(pid);
    const known = started !== '' && startedNow !== ''; // not so where /proc shows a user's own processes only
    if (known && startedNow !== started) return false; // another one has its pid now
    // A process that is stopped gives no sign, and yet is there. Of this one, a thread may be gone.
    if (known && pid !== process.pid) return true;
  }
  return Date.now() - lastSign < SILENT_MS;
}

export const isThis = ({ pid, host }: Holder): boolean => pid === process.pid && host === hostName();

/** In words, for a message: this process or another one, by its pid, and by its machine where that is another one too. */
export const describeHolder = ({ pid, host }: Holder): string =>
  isThis({ pid, host })
    ? `this process (pid ${pid})`
    : `another process (pid ${pid}${host === hostName() ? '' : ` on ${host}`})`;

let self: Named | undefined;

function here(): Named {
  if (self?.pid === process.pid) return self;
  const host = hostName();
  const about = [host, read('/proc/sys/kernel/random/boot_id'), link('/proc/self/ns/pid')].join('\n');
  const machine = createHash('sha256').update(about).digest('hex').slice(0, 8);
  self = { pid: process.pid, started: startOf(process.pid), host, machine };
  return self;
}

const hostName = (): string =>
  os
    .hostname()
    .replace(/[^\w.-]/g, '_')
    .slice(0, 64) || 'localhost';

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** From /proc/PID/stat (proc_pid_stat(5)): field 3 is the state, Z that of a dead process nobody has asked after, 22 the start. */
function startOf(pid: number): string {
  if (process.platform !== 'linux') return '';
  const [state, ...fields] = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');
  return state === 'Z' ? 'never again' : (fields[18] ?? '');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function link(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
