/** Exit status of what was interrupted. */
export const INTERRUPTED = 130;
export const FINISHING = 'finishing what is begun; once more to end at once';

/** What is done in an orderly way at the second wish to end has so long. */
const AT_ONCE_MS = 500;

export interface Interruption {
  /** Begin nothing more, finish what is begun. */
  stop: AbortSignal;
  /** End at once. */
  end: AbortSignal;
}

/** Comes when a signal does. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/**
 * Work that Ctrl-C or SIGTERM ends: the first to finish what is begun, the second at once, whatever hangs, with status 130.
 */
export async function interruptible(work: (interrupted: Interruption) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const end = new AbortController();
  const interrupt = () => {
    if (!stop.signal.aborted) return stop.abort(new Error('interrupted'));
    if (end.signal.aborted) process.exit(INTERRUPTED);
    process.exitCode = INTERRUPTED;
    setTimeout(() => process.exit(INTERRUPTED), AT_ONCE_MS).unref();
    end.abort(new Error('interrupted'));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
  try {
    await work({ stop: stop.signal, end: end.signal });
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt);
  }
}
