import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp, { type Sharp } from 'sharp';
import { PaliGemmaError, reasonOf, show } from './errors.js';
import { fetchBytes } from './fetch-bytes.js';
import { native } from './native.js';

/** Pixels without a container: 8 bit, interleaved, `height * width * channels` values; grey, RGB or RGBA (alpha is dropped). */
export interface RawImage {
  data: Uint8Array;
  width: number;
  height: number;
  channels: 1 | 3 | 4;
}

/** A path, a `file:` or `http(s):` URL, an encoded picture (JPEG, PNG, WebP, AVIF, GIF, TIFF), a Blob of one, or raw pixels. */
export type ImageInput = string | URL | Uint8Array | Blob | RawImage;

/** Upright 8-bit RGB, interleaved. */
export interface DecodedImage {
  data: Uint8Array;
  width: number;
  height: number;
}

/** Larger pictures are refused, as Pillow refuses them (its "decompression bomb" limit): 179 megapixels. */
export const MAX_PIXELS = 178_956_970;
/** And such that are longer than this on one side, whatever the other. */
export const MAX_SIDE = 1_000_000;

/** Those that are decoded, as sharp names them. */
export const FORMATS: ReadonlySet<string> = new Set(['jpeg', 'png', 'webp', 'heif', 'gif', 'tiff']);

const invalid = (message: string, cause?: unknown) => new PaliGemmaError('ERR_INVALID_IMAGE', message, { cause });

/**
 * Any image to upright RGB, as Pillow's `Image.open(...).convert("RGB")` after `ImageOps.exif_transpose` gives it: the
 * first frame; alpha dropped, not blended; grey copied to three channels; 16-bit colour cut to the upper 8 bits; CMYK by
 * Pillow's formula; colour profiles ignored. Pixels are equal but for AVIF (another decoder: a few levels) and for the
 * transparent pixels of a GIF (black here). Decoding runs on libvips' own threads.
 * @throws PaliGemmaError ERR_INVALID_IMAGE when it cannot be had or decoded, ERR_INVALID_ARGUMENT when it is no image input;
 *   the signal's reason when aborted.
 */
export async function decodeImage(input: ImageInput, signal?: AbortSignal): Promise<DecodedImage> {
  signal?.throwIfAborted();
  if (isRaw(input)) return decodeRaw(input);
  const { source, label } = await locate(input, signal);
  try {
    return await decode(source);
  } catch (error) {
    throw invalid(`${label} cannot be decoded: ${describe(reasonOf(error))}`, error);
  }
}

async function decode(source: string | Uint8Array): Promise<DecodedImage> {
  const options = { failOn: 'error', limitInputPixels: MAX_PIXELS, ignoreIcc: true } as const;
  const {
    space,
    depth,
    channels,
    format,
    width,
    height,
    hasAlpha,
    orientation = 1,
  } = await sharp(source, options).metadata();
  if (!FORMATS.has(format)) throw new Error('unsupported image format');
  if (Math.max(width, height) > MAX_SIDE) throw new Error('exceeds pixel limit');
  const image = sharp(source, { ...options, autoOrient: orientation !== 1 });
  if (space === 'cmyk') return toRgb(image.pipelineColourspace('cmyk').toColourspace('cmyk').raw(), 'cmyk');
  // Pillow has 16-bit grey as integers and clips them to 255 on the way to RGB; with alpha it takes the upper bytes.
  if (depth === 'ushort' && channels === 1)
    return toRgb(image.extractChannel(0).toColourspace('grey16').raw({ depth: 'ushort' }), 'grey16');
  // Most pictures are 8-bit RGB already. Steps that would change nothing take a third of the time of a small one.
  if (hasAlpha || space !== 'srgb' || depth !== 'uchar') image.removeAlpha().toColourspace('srgb');
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height };
}

async function toRgb(image: Sharp, layout: 'cmyk' | 'grey16'): Promise<DecodedImage> {
  const { data, info } = await image.toBuffer({ resolveWithObject: true });
  return { data: await native().toRgb(data, info.width * info.height, layout), width: info.width, height: info.height };
}

const isRaw = (input: unknown): input is RawImage =>
  typeof input === 'object' && input !== null && 'data' in input && 'width' in input && !(input instanceof Uint8Array);

async function decodeRaw({ data, width, height, channels }: RawImage): Promise<DecodedImage> {
  const isSize = (n: unknown) => Number.isSafeInteger(n) && (n as number) > 0;
  if (!(data instanceof Uint8Array) || !isSize(width) || !isSize(height) || ![1, 3, 4].includes(channels))
    throw new PaliGemmaError(
      'ERR_INVALID_ARGUMENT',
      `raw pixels need data (Uint8Array), width, height and channels (1, 3 or 4), not ${show(data)}, ${show(width)}, ${show(height)} and ${show(channels)}`,
    );
  if (width * height > MAX_PIXELS || Math.max(width, height) > MAX_SIDE)
    throw invalid(`an image of ${width} x ${height} pixels is over the limit of ${MAX_PIXELS} pixels`);
  if (data.length !== width * height * channels)
    throw new PaliGemmaError(
      'ERR_INVALID_ARGUMENT',
      `${width} x ${height} pixels of ${channels} channels are ${width * height * channels} bytes, not ${data.length}`,
    );
  // The caller may change or transfer it while it is worked on. (A Buffer's own slice would be no copy.)
  const own = Uint8Array.prototype.slice.call(data);
  if (channels === 3) return { data: own, width, height };
  return { data: await native().toRgb(own, width * height, channels === 1 ? 'grey' : 'rgba'), width, height };
}

/** The encoded picture, or its path, and how to call it in messages. */
async function locate(
  input: Exclude<ImageInput, RawImage>,
  signal?: AbortSignal,
): Promise<{ source: string | Uint8Array; label: string }> {
  if (input instanceof Uint8Array) return bytes(input, `the image of ${input.length} bytes`);
  if (input instanceof Blob) return bytes(new Uint8Array(await input.arrayBuffer()), `the Blob of ${input.size} bytes`);
  if (typeof input !== 'string' && !(input instanceof URL))
    throw new PaliGemmaError(
      'ERR_INVALID_ARGUMENT',
      `an image must be a path, a URL, encoded bytes, a Blob or raw pixels ({ data, width, height, channels }), not ${show(input)}`,
    );
  const text = String(input);
  if (/^https?:/i.test(text)) return bytes(await fetchBytes(text, signal), text);
  if (input instanceof URL && input.protocol !== 'file:')
    throw invalid(`${text} cannot be read: file:, http: and https: URLs can`);
  return file(/^file:/i.test(text) ? filePath(text) : text);
}

function filePath(url: string): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw invalid(`${url} is not a usable file URL: ${reasonOf(error)}`, error);
  }
}

async function file(name: string) {
  let found: Awaited<ReturnType<typeof stat>>;
  try {
    found = await stat(name);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw invalid(missing ? `no such image file: ${name}` : `${name} cannot be read: ${reasonOf(error)}`, error);
  }
  if (found.isDirectory()) throw invalid(`${name} is a folder, not an image`);
  if (found.size === 0) throw invalid(`${name} is empty`);
  return { source: name, label: name };
}

function bytes(data: Uint8Array, label: string) {
  if (data.length === 0) throw invalid(`${label} is empty`);
  return { source: data, label };
}

/** libvips speaks in several lines; the first says it. */
function describe(message: string): string {
  const [first = ''] = message.trim().split('\n');
  if (/exceeds pixel limit/.test(first))
    return `it has more than ${MAX_PIXELS} pixels, or more than ${MAX_SIDE} on a side`;
  return /unsupported image format/.test(first) ? 'it is not a JPEG, PNG, WebP, AVIF, GIF or TIFF image' : first;
}
