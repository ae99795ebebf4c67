import type { ParsedObject } from './objects.js';

/** An object in a picture. The box is in pixels of the original picture, upright. */
export interface Detection {
  label: string;
  /** Geometric mean of the probabilities of the box's four location tokens, 0 to 1. */
  score: number;
  box: { xmin: number; ymin: number; xmax: number; ymax: number };
}

/** From shares of the picture to its pixels. */
export const toDetection = (
  { label, score, xmin, ymin, xmax, ymax }: ParsedObject,
  width: number,
  height: number,
): Detection => ({
  label,
  score,
  box: { xmin: xmin * width, ymin: ymin * height, xmax: xmax * width, ymax: ymax * height },
});
