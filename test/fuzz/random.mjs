/** Numbers that depend on nothing but what they are made from: a case is the same damage on every machine. */
export class Random {
  #state = 0x811c9dc5;

  constructor(...parts) {
    for (const byte of Buffer.from(parts.join('/'))) this.#state = Math.imul(this.#state ^ byte, 0x01000193);
  }

  /** The next 32 bits (splitmix32). */
  #next() {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  }

  /** A whole number from 0, less than `n`. */
  below(n) {
    return Math.floor((this.#next() / 2 ** 32) * n);
  }
  /** A whole number; both ends may come. */
  between(least, most) {
    return least + this.below(most - least + 1);
  }
  chance(share) {
    return this.#next() / 2 ** 32 < share;
  }
  pick(list) {
    return list[this.below(list.length)];
  }
  bytes(length) {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
  shuffled(list) {
    const copy = [...list];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [copy[i], copy[j]] = [copy[j], copy[i]];
    }
    return copy;
  }
  /** One of `[weight, value]` pairs, as often as its weight says. */
  weighted(pairs) {
    let left = this.below(pairs.reduce((sum, [weight]) => sum + weight, 0));
    return pairs.find(([weight]) => {
      left -= weight;
      return left < 0;
    })[1];
  }
}
