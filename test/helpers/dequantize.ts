// ggml's quantised formats back to numbers, after the layouts in ggml-common.h, to hold what was written against the source.

/** IEEE half precision. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size = exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

const read = (block: Buffer, at: number) => block[at] as number;
const signed = (block: Buffer, at: number) => block.readInt8(at);

/** Six-bit scales and minima of eight sub-blocks in twelve bytes (q4_K, q5_K). */
function scaleAndMin(scales: Buffer, i: number): [number, number] {
  if (i < 4) return [read(scales, i) & 63, read(scales, i + 4) & 63];
  const high = read(scales, i + 4);
  return [(high & 15) | ((read(scales, i - 4) >> 6) << 4), (high >> 4) | ((read(scales, i) >> 6) << 4)];
}

/** Writes the values of one block. */
type Decode = (block: Buffer, out: Float64Array) => void;

const kQuant =
  (bits: 4 | 5): Decode =>
  (block, out) => {
    const [d, least] = [half(block.readUInt16LE(0)), half(block.readUInt16LE(2))];
    const scales = block.subarray(4, 16);
    const fifth = bits === 5 ? block.subarray(16, 48) : undefined;
    const quants = block.subarray(bits === 5 ? 48 : 16);
    for (let i = 0; i < 256; i++) {
      const [sub, k] = [Math.floor(i / 32), i % 32];
      const [scale, min] = scaleAndMin(scales, sub);
      const byte = read(quants, Math.floor(sub / 2) * 32 + k);
      const low = sub % 2 === 0 ? byte & 15 : byte >> 4;
      const high = fifth ? ((read(fifth, k) >> sub) & 1) << 4 : 0;
      out[i] = d * scale * (low | high) - least * min;
    }
  };

const FORMATS: Record<string, { values: number; bytes: number; decode: Decode }> = {
  q8_0: {
    values: 32,
    bytes: 34,
    decode: (block, out) => {
      const d = half(block.readUInt16LE(0));
      for (let i = 0; i < 32; i++) out[i] = d * signed(block, 2 + i);
    },
  },
  q4_0: {
    values: 32,
    bytes: 18,
    decode: (block, out) => {
      const d = half(block.readUInt16LE(0));
      for (let i = 0; i < 16; i++) {
        out[i] = d * ((read(block, 2 + i) & 15) - 8);
        out[i + 16] = d * ((read(block, 2 + i) >> 4) - 8);
      }
    },
  },
  q4_K: { values: 256, bytes: 144, decode: kQuant(4) },
  q5_K: { values: 256, bytes: 176, decode: kQuant(5) },
  q6_K: {
    values: 256,
    bytes: 210,
    decode: (block, out) => {
      const d = half(block.readUInt16LE(208));
      for (let i = 0; i < 256; i++) {
        const [part, k, quarter] = [Math.floor(i / 128), i % 32, Math.floor((i % 128) / 32)];
        const byte = read(block, part * 64 + k + (quarter % 2) * 32);
        const low = quarter < 2 ? byte & 15 : byte >> 4;
        const high = (read(block, 128 + part * 32 + k) >> (2 * quarter)) & 3;
        out[i] = d * signed(block, 192 + Math.floor(i / 16)) * ((low | (high << 4)) - 32);
      }
    },
  },
};

const PLAIN: Record<string, [bytes: number, read: (bytes: Buffer, at: number) => number]> = {
  f32: [4, (bytes, at) => bytes.readFloatLE(at)],
  f16: [2, (bytes, at) => half(bytes.readUInt16LE(at))],
  bf16: [2, (bytes, at) => new Float32Array(Uint32Array.of(bytes.readUInt16LE(at) << 16).buffer)[0] as number],
};

export function dequantize(type: string, bytes: Buffer): Float64Array {
  const plain = PLAIN[type];
  if (plain) return Float64Array.from({ length: bytes.length / plain[0] }, (_, i) => plain[1](bytes, i * plain[0]));
  const format = FORMATS[type];
  if (!format) throw new Error(`no such format: ${type}`);
  const blocks = bytes.length / format.bytes;
  const values = new Float64Array(blocks * format.values);
  for (let i = 0; i < blocks; i++)
    format.decode(
      bytes.subarray(i * format.bytes, (i + 1) * format.bytes),
      values.subarray(i * format.values, (i + 1) * format.values),
    );
  return values;
}
