import { joined, OBJECTS, type ParsedObject, parseObjects } from './objects.js';
import { drawing } from './sampling.js';
import { type Size, task } from './task.js';
import { constrained, labelList, labels } from './words.js';

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

/** Objects by name. */
export const detect = task({
  name: 'detect',
  summary: 'find things by name, as boxes in pixels',
  images: { least: 1, most: 1 },
  options: { labels, constrained },
  sampling: drawing,
  impliedBy: 'labels',
  streams: false,
  ask({ labels, constrained = true }) {
    const names = labelList(labels);
    return {
      prompt: `detect ${joined(names)}`,
      maxTokens: 256,
      locations: true,
      ...(constrained && { constraint: { labels: names, segment: false } }),
    };
  },
  result({ pieces, cut, sizes }): Detection[] {
    const { width, height } = sizes[0] as Size;
    return parseObjects(pieces, { segment: false, cut }).map((object) => toDetection(object, width, height));
  },
  json: { field: 'objects', schema: OBJECTS, of: (found: Detection[]) => found },
});
