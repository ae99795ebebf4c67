// GGUF files taken apart and put together again, as the format's description has them and without the library's help.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

/** Types of values by their numbers. */
export const KV = {
  u8: 0,
  i8: 1,
  u16: 2,
  i16: 3,
  u32: 4,
  i32: 5,
  f32: 6,
  bool: 7,
  text: 8,
  list: 9,
  u64: 10,
  i64: 11,
  f64: 12,
};
const BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

/** Types of tensors by their numbers: name, values and bytes of a block (ggml-common.h). Numbers between are no longer in use. */
export const TENSOR = new Map([
  [0, ['f32', 1, 4]],
  [1, ['f16', 1, 2]],
  [2, ['q4_0', 32, 18]],
  [3, ['q4_1', 32, 20]],
  [6, ['q5_0', 32, 22]],
  [7, ['q5_1', 32, 24]],
  [8, ['q8_0', 32, 34]],
  [9, ['q8_1', 32, 36]],
  [10, ['q2_k', 256, 84]],
  [11, ['q3_k', 256, 110]],
  [12, ['q4_k', 256, 144]],
  [13, ['q5_k', 256, 176]],
  [14, ['q6_k', 256, 210]],
  [15, ['q8_k', 256, 292]],
  [16, ['iq2_xxs', 256, 66]],
  [17, ['iq2_xs', 256, 74]],
  [18, ['iq3_xxs', 256, 98]],
  [19, ['iq1_s', 256, 50]],
  [20, ['iq4_nl', 32, 18]],
  [21, ['iq3_s', 256, 110]],
  [22, ['iq2_s', 256, 82]],
  [23, ['iq4_xs', 256, 136]],
  [24, ['i8', 1, 1]],
  [25, ['i16', 1, 2]],
  [26, ['i32', 1, 4]],
  [27, ['i64', 1, 8]],
  [28, ['f64', 1, 8]],
  [29, ['iq1_m', 256, 56]],
  [30, ['bf16', 1, 2]],
  [34, ['tq1_0', 256, 54]],
  [35, ['tq2_0', 256, 66]],
  [39, ['mxfp4', 32, 17]],
  [40, ['nvfp4', 64, 36]],
  [41, ['q1_0', 128, 18]],
  [42, ['q2_0', 64, 18]],
]);

class Reader {
  at = 0;
  constructor(bytes) {
    this.bytes = bytes;
  }
  u32() {
    this.at += 4;
    return this.bytes.readUInt32LE(this.at - 4);
  }
  u64() {
    this.at += 8;
    return this.bytes.readBigUInt64LE(this.at - 8);
  }
  text() {
    const length = Number(this.u64());
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
  skip(type) {
    if (type === KV.text) this.text();
    else if (type === KV.list) {
      const of = this.u32();
      for (let n = Number(this.u64()); n > 0; n--) this.skip(of);
    } else this.at += BYTES[type];
  }
}

/** Entries keep their values as bytes, so that what is not looked at costs nothing. */
export function readGguf(bytes) {
  const reader = new Reader(bytes);
  reader.at = 4;
  const version = reader.u32();
  const tensorCount = Number(reader.u64());
  const entryCount = Number(reader.u64());
  const entries = [];
  for (let i = 0; i < entryCount; i++) {
    const key = reader.text().toString('latin1');
    const type = reader.u32();
    const start = reader.at;
    reader.skip(type);
    entries.push({ key, type, value: bytes.subarray(start, reader.at) });
  }
  const tensors = [];
  for (let i = 0; i < tensorCount; i++) {
    const name = reader.text().toString('latin1');
    const shape = Array.from({ length: reader.u32() }, () => reader.u64());
    const type = reader.u32();
    const offset = reader.u64();
    tensors.push({ name, shape, type, offset, start: Number(offset), size: tensorBytes(type, shape) });
  }
  const alignment = 32;
  return { version, entries, tensors, alignment, data: bytes.subarray(pad(reader.at, alignment)) };
}

/** A copy whose parts can be changed without the original hearing of it; the data is still shared. */
export const copyGguf = (file) => ({
  ...file,
  entries: file.entries.map((entry) => ({ ...entry })),
  tensors: file.tensors.map((tensor) => ({ ...tensor, shape: [...tensor.shape] })),
});

const pad = (n, to) => Math.ceil(n / to) * to;

export function tensorBytes(type, shape) {
  const [, block, bytes] = TENSOR.get(type) ?? ['', 1, 4];
  return (shape.reduce((product, n) => product * Number(n), 1) / block) * bytes;
}

export const u32 = (value) => number(KV.u32, value);
const u64 = (value) => number(KV.u64, value);
export const text = (value) => {
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value, 'latin1');
  return Buffer.concat([u64(bytes.length), bytes]);
};

/** A number as a value of any numeric type: integers wrap, what is no number is 0. */
export function number(type, value) {
  const size = BYTES[type];
  const bytes = Buffer.alloc(size);
  if (type === KV.f32) bytes.writeFloatLE(Number(value));
  else if (type === KV.f64) bytes.writeDoubleLE(Number(value));
  else {
    const whole = typeof value === 'bigint' ? value : BigInt(Number.isFinite(value) ? Math.trunc(value) : 0);
    const wrapped = BigInt.asUintN(size * 8, whole);
    for (let i = 0; i < size; i++) bytes[i] = Number((wrapped >> BigInt(8 * i)) & 255n);
  }
  return bytes;
}

export const isNumeric = (type) => type !== KV.text && type !== KV.list;

/** The number that an entry's bytes stand for. */
export function numberOf({ type, value }) {
  if (type === KV.f32) return value.readFloatLE();
  if (type === KV.f64) return value.readDoubleLE();
  let whole = 0n;
  for (let i = value.length - 1; i >= 0; i--) whole = (whole << 8n) | BigInt(value[i]);
  const signed = [KV.i8, KV.i16, KV.i32, KV.i64].includes(type);
  return Number(signed ? BigInt.asIntN(value.length * 8, whole) : whole);
}

/** An entry's list as its elements' bytes; undefined where damage before this left none. */
export function elements({ value }) {
  const reader = new Reader(value);
  const items = [];
  try {
    const of = reader.u32();
    for (let n = Number(reader.u64()); n > 0; n--) {
      const start = reader.at;
      reader.skip(of);
      items.push(value.subarray(start, reader.at));
    }
    return { of, items };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

export const list = (of, items, length = items.length) => Buffer.concat([u32(of), u64(length), ...items]);

/** Gives every tensor a place of its own again, with as many bytes as its type and shape ask for. */
export function layOut(file) {
  const parts = [];
  let end = 0;
  for (const tensor of file.tensors) {
    const size = Math.ceil(tensorBytes(tensor.type, tensor.shape));
    const old = file.data.subarray(tensor.start, tensor.start + tensor.size);
    const sound = size > 0 && size < 64 << 20 && old.length > 0;
    const stored = sound && size !== old.length ? Buffer.alloc(size, old) : old;
    tensor.offset = BigInt(end);
    tensor.start = end;
    tensor.size = stored.length;
    parts.push(stored, Buffer.alloc(pad(stored.length, file.alignment) - stored.length));
    end += pad(stored.length, file.alignment);
  }
  file.data = Buffer.concat(parts);
  return file;
}

/** The file's bytes, in pieces. `magic`, `counts` and `dataPad` stand in for what belongs there. */
export function writeGguf({ magic = 'GGUF', version, entries, tensors, counts = {}, alignment, data }) {
  const parts = [Buffer.from(magic, 'latin1'), u32(version)];
  parts.push(u64(counts.tensors ?? tensors.length), u64(counts.entries ?? entries.length));
  for (const { key, type, value } of entries) parts.push(text(key), u32(type), value);
  for (const { name, shape, type, offset, dimensions } of tensors)
    parts.push(text(name), u32(dimensions ?? shape.length), ...shape.map(u64), u32(type), u64(offset));
  const head = Buffer.concat(parts);
  return [head, Buffer.alloc(pad(head.length, alignment) - head.length), data];
}
