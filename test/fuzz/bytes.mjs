// Damage that knows nothing of a format: a bad disk, a broken download, a careless edit.

const at = (random, length) => random.below(Math.max(length, 1));

const DAMAGE = {
  'flip bits'(random, bytes, from, to) {
    const copy = Buffer.from(bytes);
    const count = random.pick([1, 1, 1, 2, 4, 16]);
    for (let i = 0; i < count; i++) copy[from + at(random, to - from)] ^= 1 << random.below(8);
    return copy;
  },
  'set bytes'(random, bytes, from, to) {
    const copy = Buffer.from(bytes);
    const count = random.pick([1, 1, 2, 4, 8]);
    const start = from + at(random, to - from - count);
    for (let i = 0; i < count; i++) copy[start + i] = random.pick([0, 255, 127, 128, random.below(256)]);
    return copy;
  },
  'cut off'(random, bytes, from, to) {
    return bytes.subarray(0, from + at(random, to - from));
  },
  'empty a sector'(random, bytes, from, to) {
    const copy = Buffer.from(bytes);
    const size = random.pick([16, 512, 4096]);
    const start = from + at(random, to - from);
    copy.fill(random.pick([0, 0, 255]), start, Math.min(start + size, copy.length));
    return copy;
  },
  'copy a range over another'(random, bytes, from, to) {
    const copy = Buffer.from(bytes);
    const size = random.pick([4, 16, 64, 512]);
    copy.copyWithin(from + at(random, to - from), from + at(random, to - from), from + at(random, to - from) + size);
    return copy;
  },
  'take a range out'(random, bytes, from, to) {
    const start = from + at(random, to - from);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + random.pick([1, 2, 4, 8, 64, 512]))]);
  },
  'put a range in'(random, bytes, from, to) {
    const start = from + at(random, to - from);
    const added = random.bytes(random.pick([1, 2, 4, 8, 64, 512]));
    return Buffer.concat([bytes.subarray(0, start), added, bytes.subarray(start)]);
  },
  'add to the end'(random, bytes) {
    return Buffer.concat([bytes, random.bytes(random.pick([1, 8, 512]))]);
  },
  'random bytes'(random, bytes, from, to) {
    const copy = Buffer.from(bytes);
    random.bytes(random.pick([8, 64, 512])).copy(copy, from + at(random, to - from));
    return copy;
  },
};

/** Damages bytes from `from` to `to`. @returns the damaged copy and what was done, in words */
export function damageBytes(random, bytes, from = 0, to = bytes.length) {
  const what = random.pick(Object.keys(DAMAGE));
  return { bytes: DAMAGE[what](random, bytes, Math.min(from, bytes.length), Math.min(to, bytes.length)), what };
}
