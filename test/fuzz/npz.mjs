// Damage to NumPy's .npz: a ZIP without compression, of arrays with a line of Python for a header.
// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
import { crc32 } from 'node:zlib'; // of Node 20.15 on
import { damageBytes } from './bytes.mjs';
import { oddNumber, oddText } from './values.mjs';

const END = Buffer.from('PK\x05\x06', 'latin1');

/** The arrays: `head` is the .npy header without its ten bytes in front, `data` what follows it. */
export function readNpz(bytes) {
  const end = bytes.lastIndexOf(END);
  const arrays = [];
  let at = bytes.readUInt32LE(end + 16);
  for (let i = bytes.readUInt16LE(end + 10); i > 0; i--) {
    const size = bytes.readUInt32LE(at + 24);
    const name = bytes.toString('utf8', at + 46, at + 46 + bytes.readUInt16LE(at + 28));
    const local = bytes.readUInt32LE(at + 42);
    const start = local + 30 + bytes.readUInt16LE(local + 26) + bytes.readUInt16LE(local + 28);
    const data = start + 10 + bytes.readUInt16LE(start + 8);
    arrays.push({ name, head: bytes.toString('latin1', start + 10, data), data: bytes.subarray(data, start + size) });
    at += 46 + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return arrays;
}

const uint = (value, size) => {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntLE(Math.max(0, Math.min(value, 2 ** (size * 8) - 1)), 0, size);
  return bytes;
};

function npy({ magic = '\x93NUMPY', version = 1, head, headLength = head.length, data }) {
  const length = version >= 2 ? uint(headLength, 4) : uint(headLength, 2);
  return Buffer.concat([
    Buffer.from(magic, 'latin1'),
    Buffer.from([version, 0]),
    length,
    Buffer.from(head, 'latin1'),
    data,
  ]);
}

/** The file in pieces. What is named in an array (`method`, `size`, `at`, ...) or in `end` stands in for what belongs there. */
export function writeNpz(arrays, end = {}) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const array of arrays) {
    const content = array.content ?? npy(array);
    const name = Buffer.from(array.name);
    const { method = 0, size = content.length, packed = size, flags = 0, extra = Buffer.alloc(0) } = array;
    const shared = Buffer.concat([
      ...[
        uint(20, 2),
        uint(flags, 2),
        uint(method, 2),
        uint(0, 4),
        uint(crc32(content), 4),
        uint(packed, 4),
        uint(size, 4),
      ],
      ...[uint(name.length, 2), uint(extra.length, 2)],
    ]);
    const local = Buffer.concat([Buffer.from(array.signature ?? 'PK\x03\x04', 'latin1'), shared, name, extra]);
    directory.push(
      Buffer.from('PK\x01\x02\x14\0', 'latin1'),
      shared,
      Buffer.alloc(10),
      uint(array.at ?? offset, 4),
      name,
      extra,
    );
    parts.push(local, content);
    offset += local.length + content.length;
  }
  const central = Buffer.concat(directory);
  const { count = arrays.length, size = central.length, at = offset, comment = 0 } = end;
  return [
    ...parts,
    central,
    END,
    Buffer.alloc(4),
    uint(count, 2),
    uint(count, 2),
    uint(size, 4),
    uint(at, 4),
    uint(comment, 2),
  ];
}

const TYPES = [
  '<f4',
  '>f4',
  '<f2',
  '|V2',
  '<V2',
  '<f8',
  '|O',
  '<i4',
  '|b1',
  '<c8',
  '<U8',
  '',
  'f4',
  "<f4'x",
  '__proto__',
];
const SHAPES = (random, shape) =>
  random.pick([
    () => shape.toReversed(),
    () => [],
    () => [...shape, 1],
    () => shape.slice(1),
    () => shape.map((n, i) => (i ? n : n * 2)),
    () => [shape.reduce((product, n) => product * n, 1)],
    () => shape.map((n) => oddNumber(random, n)),
    () => [2 ** 31, 2 ** 31, 4],
    () => [0, ...shape],
    () => [-1, ...shape],
    () => ['1e3', '0x10', '1L'],
  ])();
const shapeOf = (head) => (/'shape': \(([^)]*)\)/.exec(head)?.[1].match(/\d+/g) ?? []).map(Number);

const ARRAYS = {
  type: (random, array) => (array.head = array.head.replace(/'descr': '[^']*'/, `'descr': '${random.pick(TYPES)}'`)),
  shape: (random, array) =>
    (array.head = array.head.replace(/\([^)]*\)/, `(${SHAPES(random, shapeOf(array.head)).join(', ')})`)),
  'shape and data'(random, array) {
    const shape = SHAPES(random, shapeOf(array.head)).map(Number);
    const size = shape.reduce((product, n) => product * n, 4);
    array.head = array.head.replace(/\([^)]*\)/, `(${shape.join(', ')},)`);
    if (size >= 0 && size < 1 << 22) array.data = Buffer.alloc(size, array.data.length > 0 ? array.data : 0);
  },
  order: (_, array) => (array.head = array.head.replace('False', 'True')),
  head: (random, array) =>
    (array.head = random.pick([
      '',
      '{}',
      '{',
      'x'.repeat(70_000),
      array.head.replace('}', ''),
      `${array.head}${' '.repeat(8000)}`,
    ])),
  'bytes of the head': (random, array) =>
    (array.head = damageBytes(random, Buffer.from(array.head, 'latin1')).bytes.toString('latin1')),
  'length of the head': (random, array) => (array.headLength = random.pick([0, 1, 118, 65_535, 2 ** 31, 2 ** 32 - 1])),
  version: (random, array) => (array.version = random.pick([0, 2, 3, 255])),
  magic: (_, array) => (array.magic = '\x93NUMPX'),
  'fewer data': (random, array) => (array.data = array.data.subarray(0, random.below(array.data.length))),
  'more data': (random, array) => (array.data = Buffer.concat([array.data, random.bytes(random.pick([1, 4, 300]))])),
  'nothing in it': (random, array) => (array.content = Buffer.alloc(random.pick([0, 1, 11, 12]))),
  values(random, array) {
    array.data = Buffer.from(array.data);
    const count = random.pick([1, 16, array.data.length / 4]);
    const bits = random.pick([0x7fc00000, 0x7f800000, 0xff800000, 0x7f000000, 1]);
    for (let i = 0; i < count && array.data.length >= 4; i++)
      array.data.writeUInt32LE(bits, (count > 16 ? i : random.below(array.data.length / 4)) * 4);
  },
  name: (random, array) =>
    (array.name = random.chance(0.5)
      ? oddText(random, array.name).slice(0, 60_000)
      : `${array.name.replace('.npy', '')}2.npy`),
  method: (random, array) => (array.method = random.pick([8, 1, 12, 99, 65_535])),
  encrypted: (random, array) => (array.flags = random.pick([1, 8, 64, 0x800, 0xffff])),
  size: (random, array) => (array.size = random.pick([0, 1, 10, 2 ** 31, 2 ** 32 - 1])),
  'packed size': (random, array) => (array.packed = random.pick([0, 1, 2 ** 32 - 1])),
  place: (random, array) => (array.at = random.pick([0, 1, 2 ** 31, 2 ** 32 - 1])),
  signature: (_, array) => (array.signature = 'PK\x07\x08'),
  extra: (random, array) =>
    (array.extra = random.pick([
      Buffer.from([1, 0, 8, 0]),
      Buffer.from([1, 0, 255, 255, 0]),
      random.bytes(20),
      Buffer.from([1, 0, 16, 0, ...new Array(16).fill(255)]),
    ])),
};

const END_OF_FILE = {
  count: (random, n) => ({ count: random.pick([0, n - 1, n + 1, 65_535]) }),
  'place of the directory': (random) => ({ at: random.pick([0, 1, 2 ** 31, 2 ** 32 - 1]) }),
  'size of the directory': (random) => ({ size: random.pick([0, 1, 2 ** 32 - 1]) }),
  comment: (random) => ({ comment: random.pick([1, 65_535]) }),
};

/** @returns {{ bytes: Buffer | Buffer[], what: string }} */
export function damageNpz(random, bytes, other) {
  const kind = random.weighted([
    [12, 'array'],
    [4, 'bytes'],
    [2, 'end'],
    [1, 'gone'],
    [1, 'twice'],
    [1, 'of another file'],
    [1, 'order'],
  ]);
  if (kind === 'bytes') {
    // The directory, which is read first, lies at the end.
    const directory = bytes.readUInt32LE(bytes.lastIndexOf(END) + 16);
    return damageBytes(random, bytes, random.chance(0.5) ? directory : 0);
  }
  const arrays = readNpz(bytes).map((array) => ({ ...array }));
  const array = random.pick(arrays);
  let what = `${kind} ${array.name}`;
  let end;
  if (kind === 'array') {
    const how = random.pick(Object.keys(ARRAYS));
    ARRAYS[how](random, array);
    what = `${array.name.slice(0, 60)}: ${how}`;
  } else if (kind === 'end') {
    const how = random.pick(Object.keys(END_OF_FILE));
    end = END_OF_FILE[how](random, arrays.length);
    what = `${how}: ${Object.values(end)}`;
  } else if (kind === 'gone') arrays.splice(arrays.indexOf(array), 1);
  else if (kind === 'twice') arrays.push(array);
  else if (kind === 'order') arrays.reverse();
  else Object.assign(array, random.pick(readNpz(other)), { name: array.name });
  return { bytes: writeNpz(arrays, end), what };
}
