// What pictures become, and how large they may be.
import { PaliGemmaError } from '../base/errors.js';

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

export const invalidImage = (message: string, cause?: unknown) =>
  new PaliGemmaError('ERR_INVALID_IMAGE', message, { cause });
