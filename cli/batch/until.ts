/** The values up to where the signal says stop, at once even when the source never gives another one. */
export async function* until<T>(source: AsyncIterable<T>, stop: AbortSignal): AsyncGenerator<T, void, undefined> {
  const reader = source[Symbol.asyncIterator]();
  let end = () => {};
  const stopped = new Promise<undefined>((resolve) => {
    end = () => resolve(undefined);
  });
  stop.addEventListener('abort', end, { once: true });
  try {
    while (!stop.aborted) {
      const next = await Promise.race([reader.next(), stopped]);
      if (next === undefined || next.done) break;
      yield next.value;
    }
  } finally {
    stop.removeEventListener('abort', end);
    // Not waited for: a source that never answers does not answer this either.
    Promise.resolve(reader.return?.()).catch(() => {});
  }
}
