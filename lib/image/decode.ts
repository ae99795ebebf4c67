import { types } from 'node:util';
import sharp, { type Metadata, type Sharp } from 'sharp';
import { native } from '../addon/native.js';
import { reasonOf } from '../base/errors.js';
import { Gate } from '../base/gate.js';
import { Access } from './access.js';
import { isDataUrl } from './data-url.js';
import { type DecodedImage, invalidImage, MAX_PIXELS, MAX_SIDE } from './decoded.js';
import type { ImageInput } from './input.js';
import { isRemote, locateImage } from './locate.js';
import { checkRaw, decodeRaw, isRaw } from './raw.js';

/** Those that are decoded, as sharp names them. */
export const FORMATS: ReadonlySet<string> = new Set(['jpeg', 'png', 'webp', 'heif', 'gif', 'tiff']);

/** Decoded pictures of this process hold so much at a time: enough for the threads that decode, of photos too. */
const PIXEL_BYTES = 192 << 20;
const pixels = new Gate(PIXEL_BYTES);
/** Encoded pictures that were fetched, and wait or are decoded; what a URL has is known when it is there. */
const ENCODED_BYTES = 128 << 20;
const UNKNOWN_BYTES = 2 << 20;
const encoded = new Gate(ENCODED_BYTES);

/**
 * Any image to upright RGB, as Pillow's `Image.open(...).convert("RGB")` after `ImageOps.exif_transpose` gives it: the
 * first frame; alpha dropped, not blended; grey copied to three channels; 16-bit colour cut to the upper 8 bits; CMYK by
 * Pillow's formula; colour profiles ignored. Pixels are equal but for AVIF (another decoder: a few levels) and for the
 * transparent pixels of a GIF (black here). Decoding runs on libvips' own threads.
 *
 * Pixels belong to `use`, and its memory is accounted for until it has ended: others wait before they decode.
 * @throws PaliGemmaError ERR_INVALID_IMAGE when it cannot be had or decoded, ERR_INVALID_ARGUMENT when it is no image input;
 *   the signal's reason when aborted; what `use` throws
 */
export async function withImage<T>(
  input: ImageInput,
  use: (image: DecodedImage) => Promise<T>,
  signal?: AbortSignal,
  access: Access = Access.any,
): Promise<T> {
  signal?.throwIfAborted();
  if (isRaw(input)) {
    const { channels, data, width, height } = checkRaw(input);
    const held = data.length + (channels === 3 ? 0 : width * height * 3);
    return pixels.run(async (place) => use(await decodeRaw(input, place.signal)), signal, held);
  }
  const work = async (from: AbortSignal | undefined, reweigh?: (bytes: number) => void) => {
    const { source, label } = await locateImage(input, access, from);
    if (typeof source !== 'string') reweigh?.(source.length);
    const said = <R>(error: unknown): R => {
      throw invalidImage(`${label} cannot be decoded: ${describe(reasonOf(error))}`, error);
    };
    const header = await readHeader(source).catch(said<Metadata>);
    const decoded = async () => use(await decode(source, header).catch(said<DecodedImage>));
    return pixels.run(decoded, from, bytesToDecode(header));
  };
  const fetched = isRemote(input) || isDataUrl(input) || (access.inMemory && !isBytes(input));
  const held = input instanceof Blob ? input.size : fetched ? UNKNOWN_BYTES : 0;
  return held === 0 ? work(signal) : encoded.run((place) => work(place.signal, place.reweigh), signal, held);
}

/** As {@link withImage}, for who keeps the pixels. */
export const decodeImage = (input: ImageInput, signal?: AbortSignal, access?: Access): Promise<DecodedImage> =>
  withImage(input, async (image) => image, signal, access);

const OPTIONS = { failOn: 'error', limitInputPixels: MAX_PIXELS, ignoreIcc: true } as const;

async function readHeader(source: string | Uint8Array): Promise<Metadata> {
  const header = await sharp(source, OPTIONS).metadata();
  if (!FORMATS.has(header.format)) throw new Error('unsupported image format');
  if (Math.max(header.width, header.height) > MAX_SIDE) throw new Error('exceeds pixel limit');
  return header;
}

const SAMPLE_BYTES: Record<string, number> = { uchar: 1, ushort: 2, float: 4 };

/** What decoding holds at most: the pixels, what the decoder must have whole, and the copy that is turned upright. */
function bytesToDecode({ width, height, channels, depth, format, space, isProgressive, orientation = 1 }: Metadata) {
  const sample = channels * (SAMPLE_BYTES[depth] ?? 8);
  const inRows = (format === 'jpeg' || format === 'png') && !isProgressive;
  const pixels = 3 + (space === 'cmyk' ? 4 : depth === 'ushort' && channels === 1 ? 2 : 0);
  return width * height * (pixels + (inRows ? 0 : Math.max(sample, 2 * channels)) + (orientation === 1 ? 0 : sample));
}

async function decode(source: string | Uint8Array, header: Metadata): Promise<DecodedImage> {
  const { space, depth, channels, hasAlpha, orientation = 1 } = header;
  const image = sharp(source, { ...OPTIONS, autoOrient: orientation !== 1 });
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

/** In the caller's memory already. */
const isBytes = (input: unknown): boolean => input instanceof Uint8Array || types.isArrayBuffer(input);

/** libvips speaks in several lines; the first says it. */
function describe(message: string): string {
  const [first = ''] = message.trim().split('\n');
  if (/exceeds pixel limit/.test(first))
    return `it has more than ${MAX_PIXELS} pixels, or more than ${MAX_SIDE} on a side`;
  return /unsupported image format/.test(first) ? 'it is not a JPEG, PNG, WebP, AVIF, GIF or TIFF image' : first;
}
