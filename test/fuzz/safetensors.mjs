// Damage to safetensors files: 8 bytes of length, a header in JSON, data. https://huggingface.co/docs/safetensors
import { damageBytes } from './bytes.mjs';
import { damageJson } from './json.mjs';
import { oddNumber, oddText } from './values.mjs';

const BYTES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1, F8_E4M3: 1 };
const SPECIAL = {
  F32: ['nan', 'inf', 'huge', 'tiny'],
  F16: ['nan', 'inf', 'tiny'],
  BF16: ['nan', 'inf', 'huge', 'tiny'],
};
/** Upper bits of values: NaN, infinity, beyond float16, denormal. */
const BITS = {
  F32: { nan: 0x7fc00000, inf: 0x7f800000, huge: 0x7f000000, tiny: 1 },
  F16: { nan: 0x7e00, inf: 0x7c00, tiny: 1 },
  BF16: { nan: 0x7fc0, inf: 0x7f80, huge: 0x7f00, tiny: 1 },
};

function read(bytes) {
  const length = Number(bytes.readBigUInt64LE());
  return { header: JSON.parse(bytes.subarray(8, 8 + length)), data: bytes.subarray(8 + length) };
}

function write(header, data, length) {
  const json = Buffer.isBuffer(header) ? header : Buffer.from(JSON.stringify(header));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt.asUintN(64, BigInt(length ?? json.length)));
  return [size, json, data];
}

const HEADER = {
  dtype(random, header, name) {
    header[name].dtype = random.pick([...Object.keys(BYTES), 'f32', 'F128', '', 32]);
    return header[name].dtype;
  },
  'dtype and place'(random, header, name) {
    const entry = header[name];
    entry.dtype = random.pick(Object.keys(BYTES));
    const size = entry.shape.reduce((product, n) => product * n, BYTES[entry.dtype]);
    entry.data_offsets[1] = entry.data_offsets[0] + size;
    return entry.dtype;
  },
  shape(random, header, name) {
    const { shape } = header[name];
    const i = random.below(shape.length);
    random.pick([
      () => shape.reverse(),
      () => shape.push(1),
      () => shape.unshift(random.pick([0, 1])),
      () => shape.pop(),
      () => (shape[i] = oddNumber(random, shape[i])),
      () =>
        shape.splice(
          0,
          shape.length,
          shape.reduce((product, n) => product * n, 1),
        ),
      () => shape.push(0, 2 ** 53, 2 ** 53),
    ])();
    return `[${shape}]`;
  },
  'shape and place'(random, header, name) {
    const entry = header[name];
    if (random.chance(0.3)) entry.shape = random.pick([[2 ** 31, 0], [0, 2 ** 31], [2 ** 53 - 1, 0], [0], []]);
    else entry.shape[random.below(entry.shape.length)] = random.pick([0, 1, 2, 3, 32]);
    const size = entry.shape.reduce((product, n) => product * n, BYTES[entry.dtype]);
    entry.data_offsets[1] = entry.data_offsets[0] + size;
    return `[${entry.shape}]`;
  },
  place(random, header, name) {
    const { data_offsets: range } = header[name];
    const by = random.pick([1, -1, 2, 4, 64, 2 ** 31, 2 ** 53, -(2 ** 40)]);
    if (random.chance(0.6)) range[0] += by;
    if (random.chance(0.8)) range[1] += by;
    return `${range}`;
  },
  'the place of another'(random, header, name) {
    header[name].data_offsets = header[random.pick(Object.keys(header))].data_offsets;
    return '';
  },
  name(random, header, name) {
    const other = random.chance(0.5)
      ? oddText(random, name)
      : name.replace(/\d+/, String(random.pick([-1, 7, 2 ** 32])));
    header[other] = header[name];
    delete header[name];
    return other.slice(0, 40);
  },
  gone(_, header, name) {
    delete header[name];
    return '';
  },
  'there twice'(random, header, name) {
    header[random.pick([`model.${name}`, name.replace('language_model.model.', 'language_model.'), `${name}.x`])] =
      header[name];
    return '';
  },
  lm_head(random, header, name) {
    header['lm_head.weight'] = random.chance(0.5) ? header[name] : { dtype: 'F32', shape: [0], data_offsets: [0, 0] };
    return '';
  },
};

function damageValues(random, header, data, names) {
  const copy = Buffer.from(data);
  const name = random.pick(names);
  const {
    dtype,
    data_offsets: [start, end],
  } = header[name];
  const kind = random.pick(SPECIAL[dtype] ?? ['nan']);
  const size = BYTES[dtype];
  const count = random.pick([1, 1, 16, (end - start) / size]);
  for (let i = 0; i < count; i++) {
    const at = start + (count > 16 ? i : random.below((end - start) / size)) * size;
    copy.writeUIntLE(BITS[dtype][kind], at, size);
  }
  return { data: copy, what: `${name}: ${count} values ${kind}` };
}

/** @returns {{ bytes: Buffer | Buffer[], what: string }} */
export function damageSafetensors(random, bytes) {
  const kind = random.weighted([
    [5, 'tensor'],
    [3, 'json'],
    [3, 'values'],
    [2, 'length'],
    [2, 'header bytes'],
    [2, 'bytes'],
  ]);
  const { header, data } = read(bytes);
  const names = Object.keys(header).filter((name) => name !== '__metadata__');
  if (kind === 'tensor') {
    const what = [];
    for (let i = random.pick([1, 1, 2]); i > 0; i--) {
      const how = random.pick(Object.keys(HEADER));
      const name = random.pick(Object.keys(header).filter((key) => header[key]?.shape?.length > 0));
      what.push(`${name}: ${how} ${HEADER[how](random, header, name)}`);
    }
    return { bytes: write(header, data), what: what.join(', ') };
  }
  if (kind === 'json') {
    const damaged = damageJson(random, Buffer.from(JSON.stringify(header)));
    return { bytes: write(damaged.bytes, data), what: damaged.what };
  }
  if (kind === 'values') {
    const damaged = damageValues(random, header, data, names);
    return { bytes: write(header, damaged.data), what: damaged.what };
  }
  if (kind === 'length') {
    const now = Number(bytes.readBigUInt64LE());
    const length = random.pick([0, 1, now - 1, now + 1, now + 8, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, -1]);
    return { bytes: write(header, data, length), what: `a header of ${length} bytes` };
  }
  const damaged =
    kind === 'bytes' ? damageBytes(random, bytes) : damageBytes(random, bytes, 0, bytes.length - data.length);
  return { ...damaged };
}
