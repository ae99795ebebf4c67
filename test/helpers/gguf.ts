// GGUF files taken apart, changed and put together again, whole or wrong in whatever way a test wants.
import fs from 'node:fs';

/** ggml's types by number: name, values in a block, bytes of one. */
export const TYPES: Record<number, [name: string, values: number, bytes: number]> = {
  0: ['f32', 1, 4],
  1: ['f16', 1, 2],
  2: ['q4_0', 32, 18],
  3: ['q4_1', 32, 20],
  6: ['q5_0', 32, 22],
  7: ['q5_1', 32, 24],
  8: ['q8_0', 32, 34],
  9: ['q8_1', 32, 36],
  10: ['q2_K', 256, 84],
  11: ['q3_K', 256, 110],
  12: ['q4_K', 256, 144],
  13: ['q5_K', 256, 176],
  14: ['q6_K', 256, 210],
  15: ['q8_K', 256, 292],
  16: ['iq2_xxs', 256, 66],
  17: ['iq2_xs', 256, 74],
  18: ['iq3_xxs', 256, 98],
  19: ['iq1_s', 256, 50],
  20: ['iq4_nl', 32, 18],
  21: ['iq3_s', 256, 110],
  22: ['iq2_s', 256, 82],
  23: ['iq4_xs', 256, 136],
  24: ['i8', 1, 1],
  25: ['i16', 1, 2],
  26: ['i32', 1, 4],
  27: ['i64', 1, 8],
  28: ['f64', 1, 8],
  29: ['iq1_m', 256, 56],
  30: ['bf16', 1, 2],
  34: ['tq1_0', 256, 54],
  35: ['tq2_0', 256, 66],
  39: ['mxfp4', 32, 17],
};
export const typeName = (type: number): string => TYPES[type]?.[0] ?? String(type);
export const typeNumber = (name: string): number =>
  Number(Object.keys(TYPES).find((n) => TYPES[Number(n)]?.[0] === name));

/** What `values` of them take; of types without blocks, as many as they are. */
export function sizeOf(type: number, shape: number[]): number {
  const [, block, bytes] = TYPES[type] ?? ['', 1, 4];
  return (shape.reduce((product, n) => product * n, 1) / block) * bytes;
}

/** Numbers of gguf_type. */
const STRING = 8;
const ARRAY = 9;
const NUMBER_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];

export interface Key {
  key: string;
  type: number;
  /** As it stands in the file; of an array with type and length. */
  value: Buffer;
}
export interface Tensor {
  name: string;
  type: number;
  /** Fastest dimension first. */
  shape: number[];
  /** Within the data; when it is not where the tensor before ends. */
  offset?: number;
  data: Buffer;
}

const u32 = (n: number) => Buffer.from(Uint32Array.of(n).buffer);
const u64 = (n: number | bigint) => Buffer.from(BigInt64Array.of(BigInt(n)).buffer);
const string = (text: string | Buffer) => Buffer.concat([u64(Buffer.byteLength(text)), Buffer.from(text)]);

/** Values for {@link Gguf.set}: the number of their type and their bytes. */
export const as = {
  u8: (n: number): [number, Buffer] => [0, Buffer.of(n)],
  u16: (n: number): [number, Buffer] => [2, Buffer.from(Uint16Array.of(n).buffer)],
  u32: (n: number): [number, Buffer] => [4, u32(n)],
  i32: (n: number): [number, Buffer] => [5, Buffer.from(Int32Array.of(n).buffer)],
  f32: (n: number): [number, Buffer] => [6, Buffer.from(Float32Array.of(n).buffer)],
  bool: (value: boolean): [number, Buffer] => [7, Buffer.of(Number(value))],
  text: (value: string | Buffer): [number, Buffer] => [STRING, string(value)],
  u64: (n: number | bigint): [number, Buffer] => [10, u64(n)],
  array: (of: number, length: number | bigint, data: Buffer): [number, Buffer] => [
    ARRAY,
    Buffer.concat([u32(of), u64(length), data]),
  ],
  texts: (values: (string | Buffer)[]): [number, Buffer] =>
    as.array(STRING, values.length, Buffer.concat(values.map(string))),
  f32s: (values: number[]): [number, Buffer] =>
    as.array(6, values.length, Buffer.from(Float32Array.from(values).buffer)),
  i32s: (values: number[]): [number, Buffer] => as.array(5, values.length, Buffer.from(Int32Array.from(values).buffer)),
};

export class Gguf {
  version = 3;
  /** What the header says, when it is not so many. */
  keyCount?: bigint;
  tensorCount?: bigint;
  alignment = 32;
  keys: Key[] = [];
  tensors: Tensor[] = [];

  static read(file: string): Gguf {
    return Gguf.parse(fs.readFileSync(file));
  }

  static parse(bytes: Buffer): Gguf {
    const gguf = new Gguf();
    let at = 24;
    const take = (count: number) => {
      at += count;
      return at - count;
    };
    const number = () => Number(bytes.readBigUInt64LE(take(8)));
    const word = () => bytes.readUInt32LE(take(4));
    const text = () => {
      const start = take(number());
      return bytes.toString('utf8', start, at);
    };
    const skip = (type: number) => {
      if (type === STRING) text();
      else at += NUMBER_BYTES[type] as number;
    };
    for (let i = bytes.readBigUInt64LE(16); i > 0; i--) {
      const key = text();
      const type = word();
      const start = at;
      if (type === ARRAY) {
        const of = word();
        for (let n = number(); n > 0; n--) skip(of);
      } else skip(type);
      gguf.keys.push({ key, type, value: bytes.subarray(start, at) });
    }
    const offsets: number[] = [];
    for (let i = bytes.readBigUInt64LE(8); i > 0; i--) {
      const name = text();
      const shape = Array.from({ length: word() }, number);
      gguf.tensors.push({ name, shape, type: word(), data: Buffer.alloc(0) });
      offsets.push(number());
    }
    const start = Math.ceil(at / 32) * 32;
    for (const [i, tensor] of gguf.tensors.entries()) {
      const offset = start + (offsets[i] as number);
      tensor.data = bytes.subarray(offset, offset + sizeOf(tensor.type, tensor.shape));
    }
    return gguf;
  }

  /** A copy to change; data and values that are changed must be replaced, not written into. */
  copy(): Gguf {
    return Object.assign(new Gguf(), this, {
      keys: this.keys.map((key) => ({ ...key })),
      tensors: this.tensors.map((tensor) => ({ ...tensor, shape: [...tensor.shape] })),
    });
  }

  key(name: string): Key {
    return this.keys.find(({ key }) => key === name) as Key;
  }
  set(name: string, [type, value]: [number, Buffer]): this {
    const found = this.key(name);
    if (found) Object.assign(found, { type, value });
    else this.keys.push({ key: name, type, value });
    return this;
  }
  without(name: string): this {
    this.keys = this.keys.filter(({ key }) => key !== name);
    this.tensors = this.tensors.filter((tensor) => tensor.name !== name);
    return this;
  }
  texts(name: string): Buffer[] {
    const { value } = this.key(name);
    const texts: Buffer[] = [];
    for (let at = 12; at < value.length; ) {
      const length = Number(value.readBigUInt64LE(at));
      texts.push(value.subarray(at + 8, at + 8 + length));
      at += 8 + length;
    }
    return texts;
  }
  tensor(name: string): Tensor {
    return this.tensors.find((tensor) => tensor.name === name) as Tensor;
  }

  bytes(): Buffer {
    const pad = (n: number) => Math.ceil(n / this.alignment) * this.alignment;
    const filled = (buffer: Buffer) => Buffer.concat([buffer, Buffer.alloc(pad(buffer.length) - buffer.length)]);
    let next = 0;
    const tensors = this.tensors.flatMap(({ name, type, shape, offset, data }) => {
      const at = next;
      next += pad(data.length);
      return [string(name), u32(shape.length), ...shape.map(u64), u32(type), u64(offset ?? at)];
    });
    const header = Buffer.concat([
      Buffer.from('GGUF'),
      u32(this.version),
      u64(this.tensorCount ?? this.tensors.length),
      u64(this.keyCount ?? this.keys.length),
      ...this.keys.flatMap(({ key, type, value }) => [string(key), u32(type), value]),
      ...tensors,
    ]);
    return Buffer.concat([filled(header), ...this.tensors.map(({ data }) => filled(data))]);
  }
}
