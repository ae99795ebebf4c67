/** A promise with its two ends, as `Promise.withResolvers` makes it (which Node 20 lacks). */
export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(reason: unknown): void;
}

/** One that is open. Its rejection counts as unhandled like any other's: whoever makes one waits for `promise`. */
export function deferred<T>(): Deferred<T> {
  let ends: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    ends = { resolve, reject };
  });
  return { promise, ...(ends as Pick<Deferred<T>, 'resolve' | 'reject'>) };
}
