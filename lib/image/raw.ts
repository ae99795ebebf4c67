// Pixels without a container: what they must be, and how they become RGB.
import { types } from 'node:util';
import { native } from '../addon/native.js';
import { ownCopy } from '../base/copy.js';
import { PaliGemmaError, show } from '../base/errors.js';
import { type DecodedImage, invalidImage, MAX_PIXELS, MAX_SIDE } from './decoded.js';

/**
 * Pixels without a container: 8 bit, interleaved, `height * width * channels` values; grey, RGB or RGBA (alpha is dropped). More
 * than a megabyte is copied in pieces: leave `data` alone until the call has ended.
 */
export interface RawImage {
  data: Uint8Array;
  width: number;
  height: number;
  channels: 1 | 3 | 4;
}

/** The same as a canvas has them: an `ImageData`, or what looks like one. RGBA unless `channels` says otherwise. */
export interface ImageDataLike {
  data: Uint8ClampedArray;
  width: number;
  height: number;
  channels?: 1 | 3 | 4;
}

export const isRaw = (input: unknown): input is RawImage | ImageDataLike =>
  typeof input === 'object' && input !== null && 'data' in input && 'width' in input && !ArrayBuffer.isView(input);

/**
 * The pixels as plain bytes, in the caller's own memory.
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT for what is no picture, ERR_INVALID_IMAGE for one that is too large
 */
export function checkRaw({ data, width, height, channels }: RawImage | ImageDataLike): RawImage {
  const clamped = types.isUint8ClampedArray(data);
  const bytes = clamped ? new Uint8Array(data.buffer, data.byteOffset, data.length) : data;
  const count = channels ?? (clamped ? 4 : undefined);
  const isSize = (n: unknown) => Number.isSafeInteger(n) && (n as number) > 0;
  if (!(bytes instanceof Uint8Array) || !isSize(width) || !isSize(height) || !isChannels(count))
    throw new PaliGemmaError(
      'ERR_INVALID_ARGUMENT',
      'raw pixels need data (Uint8Array, or Uint8ClampedArray as of ImageData), width, height and channels (1, 3 or 4), ' +
        `not ${show(data)}, ${show(width)}, ${show(height)} and ${show(channels)}`,
    );
  if (width * height > MAX_PIXELS || Math.max(width, height) > MAX_SIDE)
    throw invalidImage(`an image of ${width} x ${height} pixels is over the limit of ${MAX_PIXELS} pixels`);
  if (bytes.length !== width * height * count)
    throw new PaliGemmaError(
      'ERR_INVALID_ARGUMENT',
      `${width} x ${height} pixels of ${count} channels are ${width * height * count} bytes, not ${bytes.length}`,
    );
  return { data: bytes, width, height, channels: count };
}

const isChannels = (count: unknown): count is RawImage['channels'] => [1, 3, 4].includes(count as number);

export async function decodeRaw(image: RawImage | ImageDataLike, signal: AbortSignal): Promise<DecodedImage> {
  const { data, width, height, channels } = checkRaw(image); // again: it may have been transferred while it waited
  const own = await ownCopy(data, signal);
  if (channels === 3) return { data: own, width, height };
  return { data: await native().toRgb(own, width * height, channels === 1 ? 'grey' : 'rgba'), width, height };
}
