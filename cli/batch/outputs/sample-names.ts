import { PICTURES } from '../sources/pictures.js';
import { HashSet } from './hash-set.js';
import type { Renames } from './renames.js';

/**
 * The names of a tar's samples, each given once: `IMG_1` of `IMG_1.JPG`; where that is taken `IMG_1_JPG`, else `IMG_1_7` by the
 * item's place in the source. Names are given in the order of the source, so that the same source has the same names, whatever is
 * finished first and however often it is interrupted.
 */
export class SampleNames {
  readonly #taken = new HashSet();
  readonly #given = new Map<number, string>(); // of items in work
  readonly #renames: Renames;

  constructor(renames: Renames) {
    this.#renames = renames;
  }

  /** Of a name that is in the tar already. */
  add(name: string): void {
    this.#taken.add(name);
  }

  /** Keeps a name for an item of the source. */
  give(id: string, index: number): string {
    const name = this.#choose(id, index);
    this.#given.set(index, name);
    return name;
  }

  /** The item's name, now that it is written. */
  take(id: string, index: number): string {
    const name = this.#given.get(index) ?? this.give(id, index);
    this.#given.delete(index);
    return name;
  }

  #choose(id: string, index: number): string {
    const [ending = ''] = PICTURES.exec(id) ?? [];
    const plain = keyOf(id.slice(0, id.length - ending.length));
    if (this.#taken.add(plain)) return plain;
    const numbered = `${plain}_${index}`;
    let other = ending === '' ? numbered : `${plain}_${ending.slice(1)}`;
    for (let i = 1; !this.#taken.add(other); i++) other = i === 1 ? numbered : `${numbered}_${i}`;
    this.#renames.add(`${id} is the sample ${other}, as another one has the name ${plain}`);
    return other;
  }
}

/** A name within the tar: relative, without what WebDataset would take for an extension. */
const keyOf = (id: string): string =>
  id
    .replace(/^[a-z][a-z+.-]*:\/\//i, '')
    .replace(/[\\:*?"<>|#\0]/g, '_')
    .replace(/[^/]*$/, (name) => name.replaceAll('.', '_'))
    .replace(/(^|\/)\.{1,2}(?=\/)/g, '$1_')
    .replace(/^\/+/, '') || '_';
