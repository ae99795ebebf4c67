/**
 * Turns callbacks into an async iterable. `run` gets a function to push text into and a signal that aborts when the
 * consumer leaves its loop early.
 */
export function textStream<T>(
  run: (push: (text: string) => void, signal: AbortSignal) => Promise<T>,
  outer: AbortSignal | undefined,
): AsyncIterable<string> & { readonly result: Promise<T> } {
  const left = new AbortController();
  const waiting: string[] = [];
  let ended = false;
  let wake: (() => void) | undefined;
  const notify = () => {
    wake?.();
    wake = undefined;
  };
  const push = (text: string) => {
    waiting.push(text);
    notify();
  };
  const result = run(push, outer ? AbortSignal.any([outer, left.signal]) : left.signal).finally(() => {
    ended = true;
    notify();
  });
  result.catch(() => {}); // who iterates sees the error there; who only awaits `result`, here

  return {
    result,
    async *[Symbol.asyncIterator]() {
      try {
        while (true) {
          while (waiting.length > 0) yield waiting.shift() as string;
          if (ended) break;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        await result;
      } finally {
        left.abort();
      }
    },
  };
}
