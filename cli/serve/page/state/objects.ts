// What the user does with found objects.
import { Store } from './store';

/** Objects that are off, as `picture:index`. */
export const hidden = new Store<ReadonlySet<string>>(new Set());
/** Index of the object that is pointed at, among those of the picture that is shown. */
export const pointed = new Store<number | null>(null);
/** Objects with a lower score are not shown. */
export const threshold = new Store(0);

const nameOf = (picture: number, index: number) => `${picture}:${index}`;

export const isHidden = (all: ReadonlySet<string>, picture: number, index: number): boolean =>
  all.has(nameOf(picture, index));

export function toggleObject(picture: number, index: number): void {
  const next = new Set(hidden.value);
  const name = nameOf(picture, index);
  if (!next.delete(name)) next.add(name);
  hidden.value = next;
}

/** For an answer that has come anew. */
export function resetObjects(picture: number): void {
  pointed.value = null;
  hidden.value = new Set([...hidden.value].filter((name) => !name.startsWith(`${picture}:`)));
}
