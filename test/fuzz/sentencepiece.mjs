// Damage to tokenizer.model, a protocol buffer: pieces (field 1) of text (1), score (2, float) and type (3), and settings.
import { damageBytes } from './bytes.mjs';
import { oddNumber, oddText } from './values.mjs';

function varint(value) {
  const bytes = [];
  let left = BigInt.asUintN(64, BigInt(value));
  do {
    bytes.push(Number(left & 127n) | (left > 127n ? 128 : 0));
    left >>= 7n;
  } while (left > 0n);
  return Buffer.from(bytes);
}

/** The fields at the top: their numbers and bytes, length-delimited ones only, which is all that such files have. */
function read(bytes) {
  const fields = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at++];
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      length |= (bytes[at] & 127) << shift;
      if (bytes[at++] < 128) break;
    }
    fields.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return fields;
}

const write = (fields) =>
  Buffer.concat(fields.flatMap(({ tag, content, length }) => [varint(tag), varint(length ?? content.length), content]));

const float = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
};
const field = (tag, content) => Buffer.concat([varint(tag), varint(content.length), content]);

function piece(random) {
  const text = random.chance(0.5) ? Buffer.from(oddText(random)) : random.bytes(random.below(8));
  const type = random.pick([0, 1, 2, 3, 4, 5, 6, 7, 255, 2 ** 31, 2 ** 40, -1]);
  return Buffer.concat([field(10, text), varint(21), float(oddNumber(random)), varint(24), varint(type)]);
}

const DAMAGE = {
  'another piece'(random, fields) {
    random.pick(fields).content = piece(random);
  },
  'many other pieces'(random, fields) {
    for (let i = 0; i < 50; i++) random.pick(fields).content = piece(random);
  },
  'a piece gone'(random, fields) {
    fields.splice(random.below(fields.length), random.pick([1, 1, 100, fields.length]));
  },
  'a piece added'(random, fields) {
    for (let i = random.pick([1, 1, 100]); i > 0; i--)
      fields.splice(random.below(fields.length + 1), 0, { tag: 10, content: piece(random) });
  },
  'a piece twice'(random, fields) {
    random.pick(fields).content = random.pick(fields).content;
  },
  'bytes of a piece'(random, fields) {
    const field = random.pick(fields);
    field.content = damageBytes(random, field.content).bytes;
  },
  'a false length'(random, fields) {
    random.pick(fields).length = random.pick([0, 1, 127, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53]);
  },
  'another field'(random, fields) {
    random.pick(fields).tag = random.pick([0, 8, 9, 11, 12, 13, 15, 18, 8 * 1000 + 2, 2 ** 29 * 8 + 2]);
  },
  'groups in groups'(random, fields) {
    const depth = random.pick([10, 1000, 200_000]);
    fields.push({ tag: 11, content: Buffer.alloc(depth, 11), length: 11 });
  },
};

export function damageSentencePiece(random, bytes) {
  if (random.chance(0.35)) return damageBytes(random, bytes);
  const fields = read(bytes).map((entry) => ({ ...entry }));
  const what = random.pick(Object.keys(DAMAGE));
  DAMAGE[what](random, fields);
  return { bytes: write(fields), what };
}
