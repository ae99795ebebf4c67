// Pictures of every kind that the library reads, and damage to them that knows their formats.
import { crc32 } from 'node:zlib';
import sharp from 'sharp';
import { damageBytes } from './bytes.mjs';

const SIZE = [67, 43];

/** Noise over a slope: nothing that compresses to nothing. */
function pixels(channels, bits = 8) {
  const [width, height] = SIZE;
  const values = bits === 16 ? new Uint16Array(width * height * channels) : new Uint8Array(width * height * channels);
  for (let i = 0; i < values.length; i++) values[i] = ((i * 2654435761) >>> (32 - bits)) / 2 + i / 60;
  return sharp(values, { raw: { width, height, channels } });
}

/** [name, encoded picture]: made by sharp, the same at every run of its version. */
export async function makePictures() {
  const frames = async (count) => {
    const [width, height] = SIZE;
    const raw = await pixels(4).raw().toBuffer();
    const all = Buffer.concat(Array.from({ length: count }, (_, i) => Buffer.from(raw).fill(i * 40, 0, 2000)));
    return sharp(all, { raw: { width, height: height * count, channels: 4, pageHeight: height } });
  };
  const made = {
    'rgb.jpg': pixels(3).jpeg({ quality: 80 }),
    'progressive.jpg': pixels(3).jpeg({ progressive: true, chromaSubsampling: '4:4:4' }),
    'grey.jpg': pixels(3).toColourspace('b-w').jpeg(),
    'cmyk.jpg': pixels(3).toColourspace('cmyk').jpeg(),
    'exif-6.jpg': pixels(3).withMetadata({ orientation: 6 }).jpeg(),
    'exif-8.jpg': pixels(3).withMetadata({ orientation: 8, density: 72 }).jpeg({ optimiseScans: true }),
    'rgb.png': pixels(3).png(),
    'rgba.png': pixels(4).png({ compressionLevel: 1 }),
    'rgb16.png': pixels(3, 16).toColourspace('rgb16').png(),
    'grey.png': pixels(1).toColourspace('b-w').png(),
    'grey16.png': pixels(1, 16).toColourspace('grey16').png(),
    'palette.png': pixels(3).png({ palette: true, colours: 16 }),
    'one-bit.png': pixels(3).threshold().png({ palette: true, colours: 2 }),
    'interlaced.png': pixels(3).png({ progressive: true }),
    'lossy.webp': pixels(3).webp({ quality: 60 }),
    'lossless.webp': pixels(4).webp({ lossless: true }),
    'animated.webp': (await frames(3)).webp({ loop: 0 }),
    'exif.webp': pixels(3).withMetadata({ orientation: 3 }).webp(),
    'rgb.avif': pixels(3).avif({ effort: 0 }),
    'alpha.avif': pixels(4).avif({ effort: 0, lossless: true }),
    'rgb.gif': pixels(3).gif(),
    'animated.gif': (await frames(4)).gif(),
    'none.tif': pixels(3).tiff({ compression: 'none' }),
    'lzw.tif': pixels(3).tiff({ compression: 'lzw', predictor: 'horizontal' }),
    'jpeg.tif': pixels(3).tiff({ compression: 'jpeg' }),
    'deflate16.tif': pixels(3, 16).toColourspace('rgb16').tiff({ compression: 'deflate' }),
    'cmyk.tif': pixels(3).toColourspace('cmyk').tiff({ compression: 'lzw' }),
    'tiles.tif': pixels(3).tiff({ tile: true, tileWidth: 16, tileHeight: 16, compression: 'deflate' }),
    'one-bit.tif': pixels(3).toColourspace('b-w').tiff({ bitdepth: 1, compression: 'ccittfax4' }),
    'pyramid.tif': pixels(3).tiff({ pyramid: true, tile: true, tileWidth: 16, tileHeight: 16 }),
  };
  return Promise.all(Object.entries(made).map(async ([name, image]) => [name, await image.toBuffer()]));
}

const SIZES = [
  0,
  1,
  2,
  43,
  66,
  68,
  255,
  256,
  1000,
  13_000,
  16_384,
  32_767,
  32_768,
  65_535,
  65_536,
  1_000_000,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];

/** Pieces of a file as [start, end) of what may be changed, taken out, doubled or moved as a whole. */
const PIECES = {
  png(bytes) {
    const pieces = [];
    for (let at = 8; at + 12 <= bytes.length; ) {
      const end = at + 12 + bytes.readUInt32BE(at);
      pieces.push([at, Math.min(end, bytes.length)]);
      at = end;
    }
    return pieces;
  },
  jpg(bytes) {
    const pieces = [];
    for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda; ) {
      const end = at + 2 + bytes.readUInt16BE(at + 2);
      pieces.push([at, end]);
      at = end;
    }
    const scan = pieces.at(-1)?.[1] ?? 2;
    return [...pieces, [scan, bytes.length]];
  },
  webp(bytes) {
    const pieces = [];
    for (let at = 12; at + 8 <= bytes.length; ) {
      const end = at + 8 + bytes.readUInt32LE(at + 4);
      pieces.push([at, Math.min(end + (end & 1), bytes.length)]);
      at = end + (end & 1);
    }
    return pieces;
  },
  /** Boxes, and the boxes in those that hold some. */
  avif(bytes, from = 0, to = bytes.length) {
    const pieces = [];
    for (let at = from; at + 8 <= to; ) {
      const size = bytes.readUInt32BE(at);
      if (size < 8 || at + size > to) break;
      pieces.push([at, at + size]);
      const inner = { meta: 12, iprp: 8, ipco: 8 }[bytes.toString('latin1', at + 4, at + 8)];
      if (inner) pieces.push(...PIECES.avif(bytes, at + inner, at + size));
      at += size;
    }
    return pieces;
  },
  /** Entries of the first directory, twelve bytes each. */
  tif(bytes) {
    const at = bytes.readUInt32LE(4);
    return Array.from({ length: bytes.readUInt16LE(at) }, (_, i) => [at + 2 + 12 * i, at + 14 + 12 * i]);
  },
  /** The header, the colours, and what follows in pieces of its blocks' usual length. */
  gif(bytes) {
    const colours = bytes[10] & 128 ? 3 * 2 ** ((bytes[10] & 7) + 1) : 0;
    const pieces = [
      [6, 13],
      [13, 13 + colours],
    ];
    for (let at = 13 + colours; at < bytes.length; at += 64) pieces.push([at, Math.min(at + 64, bytes.length)]);
    return pieces;
  },
};

/** Numbers that say how much there is: [offset in the piece, bytes, big-endian] by the piece's name. */
const FIELDS = {
  png: {
    IHDR: [
      [8, 4],
      [12, 4],
      [16, 1],
      [17, 1],
      [18, 1],
      [19, 1],
      [20, 1],
    ],
    any: [[0, 4]],
  },
  jpg: {
    any: [
      [2, 2],
      [4, 1],
      [5, 2],
      [7, 2],
      [9, 1],
      [10, 1],
      [11, 1],
      [12, 1],
    ],
  },
  avif: {
    any: [
      [0, 4],
      [8, 4],
      [12, 4],
      [16, 4],
      [20, 1],
      [24, 2],
    ],
  },
};
const LITTLE = {
  webp: {
    any: [
      [4, 4],
      [8, 1],
      [12, 3],
      [15, 3],
      [14, 2],
      [16, 2],
      [20, 3],
    ],
  },
  tif: {
    any: [
      [0, 2],
      [2, 2],
      [4, 4],
      [8, 4],
      [8, 2],
    ],
  },
  gif: {
    any: [
      [0, 2],
      [2, 2],
      [4, 1],
      [1, 2],
      [3, 2],
      [5, 2],
      [7, 2],
      [9, 1],
      [10, 1],
    ],
  },
};

function setField(random, format, bytes, [start]) {
  const table = FIELDS[format] ?? LITTLE[format];
  const name = bytes.toString('latin1', start + 4, start + 8);
  const [offset, size] = random.pick(table[name] ?? table.any);
  if (start + offset + size > bytes.length) return 'nothing';
  const now = FIELDS[format] ? bytes.readUIntBE(start + offset, size) : bytes.readUIntLE(start + offset, size);
  const value = random.pick([...SIZES, now + 1, now - 1, now * 2, now ^ 1]) % 2 ** (8 * size);
  const sound = Math.max(0, value);
  if (FIELDS[format]) bytes.writeUIntBE(sound, start + offset, size);
  else bytes.writeUIntLE(sound, start + offset, size);
  return `${name} +${offset}: ${now} becomes ${sound}`;
}

/** PNG's chunks have a sum, without which no decoder looks at what is in them. */
function mendSums(bytes) {
  for (const [start, end] of PIECES.png(bytes))
    if (end - start >= 12) bytes.writeUInt32BE(crc32(bytes.subarray(start + 4, end - 4)), end - 4);
}

/** @returns {{ bytes: Buffer, what: string }} */
export function damagePicture(random, name, picture, other) {
  const format = name.split('.').pop();
  const kind = random.weighted([
    [5, 'field'],
    [3, 'bytes of a piece'],
    [2, 'pieces'],
    [4, 'bytes'],
    [1, 'cut off'],
    [1, 'of another'],
  ]);
  const bytes = Buffer.from(picture);
  if (kind === 'bytes') return damageBytes(random, bytes);
  if (kind === 'cut off') {
    const length = random.below(bytes.length);
    return { bytes: bytes.subarray(0, length), what: `cut off at ${length}` };
  }
  if (kind === 'of another') {
    const [mine, theirs] = [random.below(bytes.length), random.below(other.length)];
    return { bytes: Buffer.concat([bytes.subarray(0, mine), other.subarray(theirs)]), what: 'ends as another' };
  }
  const pieces = PIECES[format](bytes);
  const what = [];
  if (kind === 'field') {
    for (let i = random.pick([1, 1, 2, 3]); i > 0; i--) what.push(setField(random, format, bytes, random.pick(pieces)));
    if (format === 'png' && random.chance(0.9)) mendSums(bytes);
    return { bytes, what: what.join(', ') };
  }
  const [start, end] = random.pick(pieces);
  if (kind === 'bytes of a piece') {
    const damaged = damageBytes(random, bytes, start, end);
    if (format === 'png' && damaged.bytes.length === bytes.length) mendSums(damaged.bytes);
    return { bytes: damaged.bytes, what: `${damaged.what} at ${start}` };
  }
  const [from, to] = random.pick(pieces);
  const moved = bytes.subarray(from, to);
  const how = random.pick(['gone', 'twice', 'in place of another']);
  const parts = {
    gone: [bytes.subarray(0, start), bytes.subarray(end)],
    twice: [bytes.subarray(0, start), moved, bytes.subarray(start)],
    'in place of another': [bytes.subarray(0, start), moved, bytes.subarray(end)],
  };
  return { bytes: Buffer.concat(parts[how]), what: `a piece at ${start} ${how}` };
}
