/** NTSTATUS values; 3 is what the C library's `abort` ends with. */
const CRASHES: Record<number, NodeJS.Signals> = {
  3: 'SIGABRT',
  3221225477: 'SIGSEGV', // access violation
  3221225501: 'SIGILL', // illegal instruction
  3221225620: 'SIGFPE', // division by zero
  3221225725: 'SIGSEGV', // stack overflow
  3221226505: 'SIGABRT', // fail fast
};

/** Windows has no signals: a crash tells in the exit status what it was, here by the name that it has elsewhere. */
export const crashOf = (status: number | undefined, platform = process.platform): NodeJS.Signals | undefined =>
  platform === 'win32' && status !== undefined ? CRASHES[status] : undefined;
