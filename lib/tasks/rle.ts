import { native } from '../addon/native.js';
import { ownCopy } from '../base/copy.js';
import { PaliGemmaError, show } from '../base/errors.js';

export interface Mask {
  data: Uint8Array;
  width: number;
  height: number;
}

/** A mask in COCO's compressed run-length encoding: readable by pycocotools. */
export interface RunLength {
  /** Height, width. */
  size: [number, number];
  /** Runs of zeros and ones in turn, down the columns, in COCO's ASCII form. */
  counts: string;
}

/**
 * Encodes a mask of zeros and non-zeros, row by row, as COCO does. Works on another thread.
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT when `data` does not hold `width * height` bytes
 */
export async function encodeMask(mask: Mask): Promise<RunLength> {
  const { data, width, height } = mask ?? {};
  const isSize = (n: unknown) => Number.isSafeInteger(n) && (n as number) > 0;
  if (!(data instanceof Uint8Array) || !isSize(width) || !isSize(height) || data.length !== width * height)
    throw new PaliGemmaError(
      'ERR_INVALID_ARGUMENT',
      `a mask needs width and height (whole numbers) and data (a Uint8Array of width * height bytes), not ${show(width)}, ${show(height)} and ${data instanceof Uint8Array ? `${data.length} bytes` : show(data)}`,
    );
  return encodeOwnMask({ data: await ownCopy(data), width, height });
}

/** As {@link encodeMask}, of a mask that nobody else has, without copying it. */
export async function encodeOwnMask({ data, width, height }: Mask): Promise<RunLength> {
  return { size: [height, width], counts: await native().encodeRuns(data, width, height) };
}
