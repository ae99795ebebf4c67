// How many threads are worth computing with: what multiplies matrices gains nothing from a core's second thread.
import fs from 'node:fs';
import os from 'node:os';

/**
 * Physical cores that this process may use, within a container's share of processor time. Where the system does not tell
 * which processors are threads of one core (anywhere but on Linux), as many as Node counts.
 * @param root of the file system that describes the machine
 */
export function computeThreads(root = '/'): number {
  if (process.platform !== 'linux') return os.availableParallelism();
  const read = (file: string) => {
    try {
      return fs.readFileSync(root + file, 'utf8').trim();
    } catch {
      return undefined;
    }
  };
  const allowed = read('proc/self/status')?.match(/^Cpus_allowed_list:\s*(\S+)/m)?.[1];
  const processors = allowed ? numbers(allowed) : [...Array(os.availableParallelism()).keys()];
  const cores = new Set(
    processors.map((n) => read(`sys/devices/system/cpu/cpu${n}/topology/thread_siblings_list`) ?? String(n)),
  );
  const share = quota(read);
  return Math.max(1, Math.min(cores.size, Math.ceil(share)));
}

/** "0-3,8" -> [0, 1, 2, 3, 8] */
const numbers = (list: string): number[] =>
  list.split(',').flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });

/** Processors' worth of time that control groups allow: the least of this process' group and those around it. */
function quota(read: (file: string) => string | undefined): number {
  const shares = [Number.POSITIVE_INFINITY];
  for (const line of read('proc/self/cgroup')?.split('\n') ?? []) {
    const [, controllers = '', group = ''] = line.split(':');
    for (const folder of ancestors(group)) {
      if (controllers === '') {
        const [most, period] = read(`sys/fs/cgroup${folder}/cpu.max`)?.split(' ').map(Number) ?? [];
        shares.push((most ?? Number.NaN) / (period ?? 1));
      } else if (controllers.split(',').includes('cpu')) {
        const most = Number(read(`sys/fs/cgroup/cpu${folder}/cpu.cfs_quota_us`) ?? -1);
        if (most > 0) shares.push(most / Number(read(`sys/fs/cgroup/cpu${folder}/cpu.cfs_period_us`) ?? 100_000));
      }
    }
  }
  return Math.min(...shares.filter((share) => share > 0));
}

/** "/a/b" -> ["/a/b", "/a", ""]. A container sees its own group as the root whatever its name is outside. */
function ancestors(group: string): string[] {
  const parts = group.split('/').filter(Boolean);
  return Array.from({ length: parts.length + 1 }, (_, i) =>
    parts
      .slice(0, parts.length - i)
      .map((part) => `/${part}`)
      .join(''),
  );
}
