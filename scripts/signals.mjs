// What it means that a child process ended by a signal: words for people, a status for other programs.
import os from 'node:os';

const WORDS = {
  SIGABRT: 'aborted',
  SIGBUS: 'bus error',
  SIGFPE: 'arithmetic error',
  SIGILL: 'illegal instruction',
  SIGINT: 'interrupted',
  SIGKILL: 'killed; the system does so when memory runs out',
  SIGSEGV: 'segmentation fault',
  SIGTERM: 'terminated',
};

/** @param signal as Node names it */
export const inWords = (signal) => (signal in WORDS ? `${signal} (${WORDS[signal]})` : signal);

/** The exit status by which shells tell of a signal. */
export const exitStatus = (signal) => 128 + os.constants.signals[signal];
