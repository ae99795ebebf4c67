// Damage to tar files: blocks of 512 bytes, a header before each file. https://www.gnu.org/software/tar/manual/html_node/Standard.html
import { gzipSync } from 'node:zlib';
import { damageBytes } from './bytes.mjs';
import { oddText } from './values.mjs';

const FIELDS = {
  name: [0, 100],
  mode: [100, 8],
  size: [124, 12],
  checksum: [148, 8],
  type: [156, 1],
  link: [157, 100],
  magic: [257, 6],
  version: [263, 2],
  prefix: [345, 155],
};

const octal = (value, length) => `${value.toString(8).padStart(length - 1, '0')}\0`;

function header({ name, size, type = '0', raw = {}, checksum }) {
  const block = Buffer.alloc(512);
  const set = (field, value) => {
    const [at, length] = FIELDS[field];
    const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value, 'latin1');
    bytes.copy(block, at, 0, Math.min(bytes.length, length));
  };
  const fields = { name, mode: octal(0o644, 8), size: octal(size, 12), type, magic: 'ustar\0', version: '00', ...raw };
  for (const [field, value] of Object.entries(fields)) set(field, value);
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  set('checksum', checksum ?? `${octal(sum, 7)} `);
  return block;
}

const padded = (data) => Buffer.concat([data, Buffer.alloc((512 - (data.length % 512)) % 512)]);

const writeTar = (files, end = Buffer.alloc(1024)) =>
  Buffer.concat([...files.flatMap((file) => [header({ size: file.data.length, ...file }), padded(file.data)]), end]);

const pax = (record) => {
  const text = ` ${record}\n`;
  let length = text.length;
  while (`${length}${text}`.length !== length) length = `${length}${text}`.length;
  return Buffer.from(`${length}${text}`);
};

const SIZES = [
  ...['', '0', '77777777777', '-1', '999', ' 12 ', 'zzz'],
  Buffer.from([0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
  Buffer.from([0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255]),
  Buffer.alloc(12, 255),
];
const TYPES = ['\0', '1', '2', '3', '4', '5', '6', '7', 'x', 'g', 'L', 'K', 'S', 'M', 'V', 'Z', '\xff'];
const PAX = [
  ...['size=99999999999', 'size=-1', 'size=x', 'path=', 'path=../../etc/passwd', 'GNU.sparse.size=1'],
  ...['GNU.sparse.map=1', 'charset=BINARY', '=', '__proto__=x', 'linkpath=/dev/zero', `path=${'d/'.repeat(3000)}a.png`],
];

const DAMAGE = {
  size: (random, files) => (random.pick(files).raw = { size: random.pick(SIZES) }),
  type: (random, files) => (random.pick(files).type = random.pick(TYPES)),
  name: (random, files) => {
    const file = random.pick(files);
    file.name = random.pick([
      oddText(random, file.name),
      '../../a.png',
      '/etc/a.png',
      '.png',
      'a.',
      'a/.b.png',
      'a.png/',
      random.pick(files).name,
    ]);
  },
  checksum: (random, files) => (random.pick(files).checksum = random.pick(['0000000\0', 'xxxxxxxx', '        ', '-1'])),
  magic: (random, files) =>
    (random.pick(files).raw = { magic: random.pick(['ustar ', '\0\0\0\0\0\0', 'GNUta', 'xxxxxx']) }),
  prefix: (random, files) => (random.pick(files).raw = { prefix: oddText(random, 'a') }),
  extended(random, files) {
    const data = random.chance(0.7)
      ? pax(random.pick(PAX))
      : Buffer.from(random.pick(['', '5', '99999999999 a=b\n', '-1 a=b\n', 'x\n', '3 a\n']));
    files.splice(random.below(files.length), 0, { name: 'PaxHeader', type: random.pick(['x', 'g']), data });
  },
  'a long name'(random, files) {
    const data = Buffer.from(random.pick(['', 'a'.repeat(70_000), '\0\0', `${'b/'.repeat(300)}x.png\0`]));
    files.splice(random.below(files.length), 0, { name: '././@LongLink', type: random.pick(['L', 'K']), data });
  },
  twice: (random, files) => files.push({ ...random.pick(files) }),
  order: (random, files) => files.sort(() => random.pick([-1, 1])),
  gone: (random, files) => files.splice(random.below(files.length), 1),
  'a folder of its name': (random, files) => files.push({ ...random.pick(files), type: '5' }),
  content: (random, files) => {
    const file = random.pick(files);
    file.data = damageBytes(random, file.data).bytes;
  },
  'many files'(random, files) {
    for (let i = 0; i < 3000; i++) files.push({ name: `many.${i}`, data: Buffer.alloc(random.below(3)) });
  },
};

/** Damages a tar of these files, `[name, data]`. @returns {{ bytes: Buffer, what: string, packed: boolean }} */
export function damageTar(random, content, { json }) {
  const files = content.map(([name, data]) => ({ name, data }));
  const what = [];
  const kind = random.weighted([
    [6, 'files'],
    [2, 'json'],
    [3, 'bytes'],
    [1, 'end'],
  ]);
  if (kind === 'files')
    for (let i = random.pick([1, 1, 2, 3]); i > 0; i--) {
      const how = random.pick(Object.keys(DAMAGE));
      if (files.length > 0) DAMAGE[how](random, files);
      what.push(how);
    }
  if (kind === 'json') {
    const file = random.pick(files.filter(({ name }) => name.endsWith('.json')));
    const damaged = json(random, file.data);
    file.data = damaged.bytes;
    what.push(`${file.name}: ${damaged.what}`);
  }
  let bytes = writeTar(
    files,
    kind === 'end' ? random.pick([Buffer.alloc(0), Buffer.alloc(512), random.bytes(700)]) : undefined,
  );
  if (kind === 'bytes') {
    // Headers are where the damage tells: pictures have a target of their own.
    const start = random.chance(0.5) ? 0 : bytes.indexOf(Buffer.from('ustar'), random.below(bytes.length)) - 257;
    const damaged = damageBytes(
      random,
      bytes,
      Math.max(start, 0),
      random.chance(0.7) ? Math.max(start, 0) + 512 : bytes.length,
    );
    bytes = damaged.bytes;
    what.push(damaged.what);
  }
  if (kind === 'end') what.push('another end');
  const packed = random.chance(0.3);
  if (!packed) return { bytes, what: what.join(', '), packed };
  let zipped = gzipSync(bytes, { level: 1 });
  if (random.chance(0.5)) {
    const damaged = damageBytes(random, zipped);
    zipped = damaged.bytes;
    what.push(`packed, ${damaged.what}`);
  }
  return { bytes: zipped, what: what.join(', '), packed };
}

export const wholeTar = (content) => writeTar(content.map(([name, data]) => ({ name, data })));
