// Detections and segments share one format: four locations (y before x, 1024 bins over the original picture), for segments
// sixteen mask codes, then a label; objects are joined by " ; ". Source: big_vision, proj/paligemma.

import { MAX_SIDE } from '../image/decoded.js';
import { type JsonSchema, record } from './json-schema.js';
import type { Piece } from './task.js';

/** An object as it stands in an answer. */
export interface ParsedObject {
  label: string;
  /** Shares of the picture, 0 to 1: bin / 1023. */
  ymin: number;
  xmin: number;
  ymax: number;
  xmax: number;
  /** Sixteen, or none. */
  codes: number[];
  /** Geometric mean of the four locations' probabilities, 0 to 1: how sure the model is of each side, within a hundredth. */
  score: number;
}

const BINS = 1023;
const OBJECT = /((?:<loc\d{4}>){4})((?:<seg\d{3}>)*)([^<;]*)/g;

/** How several labels stand in a prompt. */
export const joined = (labels: string[]): string => labels.join(' ; ');

const side: JsonSchema = { type: 'number', minimum: 0, maximum: MAX_SIDE };
const pixels: JsonSchema = { type: 'integer', minimum: 1, maximum: MAX_SIDE };

/** The objects of a picture as JSON: boxes in its pixels, masks in COCO's run-length form. */
export const OBJECTS: JsonSchema = {
  type: 'array',
  items: record(
    {
      label: { type: 'string' },
      score: { type: 'number', minimum: 0, maximum: 1 },
      box: record({ xmin: side, ymin: side, xmax: side, ymax: side }),
      mask: {
        ...record({
          size: { type: 'array', items: pixels, minItems: 2, maxItems: 2, description: 'height, width' },
          counts: { type: 'string', pattern: '^[0-o]*$', description: 'runs in the form of COCO' },
        }),
        type: ['object', 'null'],
      },
    },
    ['mask'],
  ),
};

/**
 * All whole objects of an answer, in its order. What is not whole is left out: boxes without extent, numbers out of range,
 * a wrong number of mask codes, a missing label, and, when the answer was `cut` off by a limit, what ends with it.
 * Any sequence of tokens is fine.
 */
export function parseObjects(pieces: Piece[], { segment, cut }: { segment: boolean; cut: boolean }): ParsedObject[] {
  const text = pieces.map((piece) => piece.text).join('');
  const logprobAt = locationLogprobs(pieces);
  const objects: ParsedObject[] = [];
  for (const match of text.matchAll(OBJECT)) {
    const [whole, locations = '', marks = '', tail = ''] = match;
    const bins = numbers(locations, /<loc(\d{4})>/g);
    const codes = numbers(marks, /<seg(\d{3})>/g);
    const label = tail.trim();
    const [ymin = 0, xmin = 0, ymax = 0, xmax = 0] = bins;
    const valid = ymax > ymin && xmax > xmin && bins.every((bin) => bin <= BINS) && codes.every((code) => code < 128);
    const complete =
      label !== '' && codes.length === (segment ? 16 : 0) && !(cut && match.index + whole.length === text.length);
    if (!valid || !complete) continue;
    const score = Math.exp(mean([0, 1, 2, 3].map((i) => logprobAt.get(match.index + i * '<loc0000>'.length) ?? 0)));
    objects.push({ label, ymin: ymin / BINS, xmin: xmin / BINS, ymax: ymax / BINS, xmax: xmax / BINS, codes, score });
  }
  return objects;
}

/** Logprobs of the pieces by the place in the whole text where they begin. */
function locationLogprobs(pieces: Piece[]): Map<number, number> {
  const at = new Map<number, number>();
  let position = 0;
  for (const { text, logprob } of pieces) {
    if (text !== '') at.set(position, logprob);
    position += text.length;
  }
  return at;
}

const numbers = (text: string, pattern: RegExp): number[] =>
  [...text.matchAll(pattern)].map((match) => Number(match[1]));

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
