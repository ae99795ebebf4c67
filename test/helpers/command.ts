// The command line as its users run it.
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { ROOT } from './fixtures.js';

export interface Run {
  status: number | null;
  out: string;
  err: string;
}

export interface Running {
  child: ChildProcess;
  /** What came on standard error until now. */
  err(): string;
  done: Promise<Run>;
}

/** Starts `paligemma` with these arguments. @param input what there is on standard input; null: it stays open */
export function start(
  args: string[],
  { input = '', env }: { input?: string | Buffer | null; env?: NodeJS.ProcessEnv } = {},
): Running {
  const child = spawn(process.execPath, [path.join(ROOT, 'cli', 'dist', 'cli.js'), ...args], {
    env: { ...process.env, ...env },
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  if (input !== null) child.stdin.end(input);
  const done = new Promise<Run>((resolve) => child.on('close', (status) => resolve({ status, out, err })));
  return { child, err: () => err, done };
}

export const paligemma = (...args: string[]): Promise<Run> => start(args).done;
