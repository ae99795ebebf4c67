import fs from 'node:fs';

/** The largest resident sets of this process and of those it started, summed up: bytes. Undefined but on Linux. */
export function residentBytes(): number | undefined {
  try {
    const children = fs
      .readdirSync('/proc/self/task')
      .flatMap((thread) => fs.readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' '));
    return ['self', ...children.filter(Boolean)].reduce((sum, process) => sum + largest(process), 0);
  } catch {
    return undefined;
  }
}

function largest(process: string): number {
  const kibibytes = /^VmHWM:\s*(\d+) kB$/m.exec(fs.readFileSync(`/proc/${process}/status`, 'utf8'))?.[1];
  return Number(kibibytes ?? 0) * 1024;
}
