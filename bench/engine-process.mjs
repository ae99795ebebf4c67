import { execFileSync } from 'node:child_process';

/** The pid of this program's isolated engine; NaN while its process is started anew. (Linux) */
export const enginePid = () =>
  Number(
    execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(process.pid)], { encoding: 'utf8' })
      .split('\n')
      .find((line) => line.includes('engine-process'))
      ?.trim()
      .split(' ')[0],
  );
