import { createHash } from 'node:crypto';

/** The first 64 bits of a text's SHA-256: two among ten million are equal once in 400,000 times. */
export const hash = (text: string): bigint => createHash('sha256').update(text).digest().readBigUInt64LE();

/** Texts by their hashes: 16 to 32 bytes each, so that millions fit. */
export class HashSet {
  #slots = new BigUint64Array(1024); // 0 is an empty one
  #size = 0;

  /** @returns whether it is new */
  add(text: string): boolean {
    if (2 * this.#size >= this.#slots.length) this.#grow();
    const added = this.#put(hash(text) || 1n);
    if (added) this.#size++;
    return added;
  }

  #put(value: bigint): boolean {
    const last = this.#slots.length - 1; // a power of two less one
    for (let at = Number(value & BigInt(last)); ; at = (at + 1) & last) {
      if (this.#slots[at] === value) return false;
      if (this.#slots[at] !== 0n) continue;
      this.#slots[at] = value;
      return true;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new BigUint64Array(2 * before.length);
    for (const value of before) if (value !== 0n) this.#put(value);
  }
}
