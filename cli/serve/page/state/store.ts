import { useEffect, useState } from 'preact/hooks';

/** A value that parts of the page watch. Values are replaced, never changed in place. */
export class Store<T> {
  #value: T;
  readonly #watchers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** @returns what ends the watching */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

/** The value of a store, kept up to date in a component. */
export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState({ of: store.value });
  useEffect(() => {
    const take = () => setValue((old) => (Object.is(old.of, store.value) ? old : { of: store.value }));
    take(); // it may have changed since the component was drawn
    return store.watch(take);
  }, [store]);
  return value.of;
}
