import type { BatchItem, BatchResult } from 'node-paligemma';
import { itemId, keyOf, type Unusable } from 'node-paligemma/support';
import { hash } from './hash-set.js';

/**
 * Which entries have results from before, each as often as it has some. Eight bytes an entry, so that millions fit:
 * the hashes of their keys.
 */
export class Seen {
  #hashes = new BigUint64Array(1024);
  #size = 0;
  #taken: Uint8Array | undefined;

  /** All are added before the first one is asked for. */
  add(result: Pick<BatchResult, 'id'>): void {
    if (this.#size === this.#hashes.length) {
      const larger = new BigUint64Array(2 * this.#size);
      larger.set(this.#hashes);
      this.#hashes = larger;
    }
    this.#hashes[this.#size++] = hash(keyOf(result.id, result));
  }

  /** Whether there is a result of this entry that was not taken for another one yet. */
  readonly has = (entry: BatchItem | Unusable, index: number): boolean => {
    if (!this.#taken) {
      this.#hashes = this.#hashes.slice(0, this.#size).sort();
      this.#taken = new Uint8Array(this.#size);
    }
    const wanted = hash(keyOf(itemId(entry, index), entry));
    let low = 0;
    for (let high = this.#size; low < high; ) {
      const middle = (low + high) >>> 1;
      if ((this.#hashes[middle] as bigint) < wanted) low = middle + 1;
      else high = middle;
    }
    for (; low < this.#size && this.#hashes[low] === wanted; low++) {
      if (this.#taken[low]) continue;
      this.#taken[low] = 1;
      return true;
    }
    return false;
  };
}
