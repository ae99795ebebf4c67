import type { ParsedObject } from './objects.js';

/** An object in a picture. The box is in pixels of the original picture, upright. */
export interface Detection {
  label: string;
  /**
   * How sure the model is of the box, 0 to 1: the geometric mean over its four location tokens of the probability that this
   * one or one within 10 of the 1024 bins comes. (Neighbouring locations are nearly tied, each with a small probability.)
   */
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
