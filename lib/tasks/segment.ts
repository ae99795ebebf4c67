import { native } from '../native.js';
import { type Detection, toDetection } from './detect.js';
import type { ParsedObject } from './objects.js';

/** A detection with the shape of its object. */
export interface Segment extends Detection {
  /** 0 or 255 for every pixel of the original picture, row by row. Null where the model has no mask decoder. */
  mask: Mask | null;
}

export interface Mask {
  data: Uint8Array;
  width: number;
  height: number;
}

/** Pixels on each side of a decoded mask. */
export const MASK_SIZE = 64;

/**
 * Lays a decoded mask into its box: opacity `clip(value / 2 + 0.5, 0, 1)`, resized bilinearly, cut at one half; zero outside.
 * Works on another thread.
 * @param values the decoder's output, `[64, 64]`
 */
export async function toSegment(
  object: ParsedObject,
  values: Float32Array,
  width: number,
  height: number,
): Promise<Segment & { mask: Mask }> {
  const [top, left, bottom, right] = [
    roundHalfEven(object.ymin * height),
    roundHalfEven(object.xmin * width),
    roundHalfEven(object.ymax * height),
    roundHalfEven(object.xmax * width),
  ] as const;
  const [across, down] = [right - left, bottom - top];
  const data =
    across > 0 && down > 0
      ? await native().layMask(values.map(opacity), MASK_SIZE, [left, top, across, down], width, height)
      : new Uint8Array(width * height);
  return { ...toDetection(object, width, height), mask: { data, width, height } };
}

const opacity = (value: number) => Math.min(Math.max(value / 2 + 0.5, 0), 1);

/** Python's `round`, which the reference places masks with: a half goes to the even neighbour. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
