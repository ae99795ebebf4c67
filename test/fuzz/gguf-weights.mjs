// Values of a GGUF file's tensors that no header tells of: NaN, infinity, too much, too little, scales of blocks.
import { TENSOR } from './gguf.mjs';

const FLOATS = {
  0: (view, at, value) => view.writeFloatLE(value, at),
  1: (view, at, value) => view.writeUInt16LE(half(value), at),
  30: (view, at, value) => view.writeUInt16LE(new Uint32Array(new Float32Array([value]).buffer)[0] >>> 16, at),
};
const SPECIAL = [
  Number.NaN,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  3e38,
  -3e38,
  1e-40,
  0,
  65_504,
  1e9,
];

/** The bits of a float16; what is beyond its range is infinite. */
function half(value) {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size > 65_504) return sign | 0x7c00;
  if (size < 6e-5) return sign | Math.round(size * 2 ** 24);
  const exponent = Math.floor(Math.log2(size));
  return sign | (((exponent + 15) << 10) + Math.round((size / 2 ** exponent - 1) * 1024));
}

/** Writes a number as the value with this place, or as the scale of the block that has it. */
function put(data, { type, start, size }, place, value) {
  const [, block, bytes] = TENSOR.get(type);
  if (start + size > data.length) return; // damage before has cut it off
  if (block === 1) return FLOATS[type]?.(data, start + place * bytes, value);
  const at = start + Math.floor(place / block) * bytes;
  // K-quants of six bits have their scale behind the values, the others before them.
  const scale = type === 14 ? at + bytes - 2 : at;
  if (scale + 2 <= start + size) data.writeUInt16LE(half(value), scale);
}

const WEIGHTS = {
  'one value'(random, file, tensor, value) {
    put(file.data, tensor, random.below(valuesOf(tensor)), value);
  },
  'some values'(random, file, tensor, value) {
    for (let i = 0; i < 50; i++) put(file.data, tensor, random.below(valuesOf(tensor)), value);
  },
  'a row'(random, file, tensor, value) {
    const width = Number(tensor.shape[0]);
    const row = random.below(valuesOf(tensor) / width) * width;
    for (let i = 0; i < width; i++) put(file.data, tensor, row + i, value);
  },
  'all values'(_, file, tensor, value) {
    const [, block, bytes] = TENSOR.get(tensor.type);
    const count = Math.min(valuesOf(tensor), block === 1 ? (1 << 19) / bytes : 1 << 20);
    for (let i = 0; i < count; i += block) put(file.data, tensor, i, value);
  },
  'random bytes'(random, file, tensor) {
    random.bytes(256).copy(file.data, tensor.start + random.below(tensor.size), 0);
  },
  'zero bytes'(_, file, tensor) {
    file.data.subarray(tensor.start, tensor.start + tensor.size).fill(0);
  },
  'all ones'(random, file, tensor) {
    const start = tensor.start + random.below(tensor.size);
    file.data.subarray(start, Math.min(start + 4096, tensor.start + tensor.size)).fill(255);
  },
};
const valuesOf = ({ shape }) => shape.reduce((product, n) => product * Number(n), 1);

/** Damage to the values of a tensor or two, which no header tells of. */
export function damageWeights(random, file) {
  file.data = Buffer.from(file.data);
  const what = [];
  for (let i = random.pick([1, 1, 1, 2]); i > 0; i--) {
    const tensor = random.pick(file.tensors);
    const how = random.pick(Object.keys(WEIGHTS));
    const value = random.pick(SPECIAL);
    WEIGHTS[how](random, file, tensor, value);
    what.push(`${tensor.name}: ${how} ${how.includes('value') || how === 'a row' ? value : ''}`);
  }
  return what.join(', ');
}
