import { resize } from './resize.js';

/** One expression's object. */
export interface SegmentationTruth {
  /** Of the picture, in pixels. */
  height: number;
  width: number;
  /** Height and width; runs of zeros and ones in turn, down the columns, as COCO has them. */
  mask: { size: readonly [number, number] | readonly number[]; counts: readonly number[] };
  /** `[ymin, xmin, ymax, xmax]` in shares of the picture. */
  box: readonly number[];
}

export interface SegmentationScore {
  maskIou: number;
  /** For the accuracy of boxes: right from 0.5 or 0.75 on. */
  boxIou: number;
}

/** 64 x 64 values from -1 to 1 for each list of sixteen codes, as `model.decodeMasks` gives them. */
export type DecodeMasks = (codes: number[][]) => Promise<Float32Array> | Float32Array;

type Box = readonly [ymin: number, xmin: number, ymax: number, xmax: number];

const MASK_SIZE = 64;
const BINS = 1023;
const OBJECT = /^((?:<loc\d{4}>){4})((?:<seg\d{3}>){16})/;

/**
 * Intersection over union of an answer's first object with the true one: of the boxes in shares of the picture, and of the masks
 * in its pixels. An answer that does not begin with four locations of a box with extent and sixteen mask codes has 0 for both; a
 * box that has no whole pixel has 0 for the mask. What follows the codes is not looked at.
 *
 * A side is bin / 1023, and in pixels cut to a whole number; the decoded mask is resized to the box as Pillow does bilinearly, and
 * counts where it is above 0. Source: big_vision's `transfers/segmentation.py`. RefCOCO's score is the mean over expressions.
 */
export async function segmentationScore(
  answer: string,
  truth: SegmentationTruth,
  decode: DecodeMasks,
): Promise<SegmentationScore> {
  const object = parse(answer);
  if (!object) return { maskIou: 0, boxIou: 0 };
  const boxIou = overlap(object.box, truth.box as Box);
  const { height, width } = truth;
  const [top, left, bottom, right] = object.box.map((side, i) => Math.trunc(side * (i % 2 === 0 ? height : width))) as [
    number,
    number,
    number,
    number,
  ];
  const [across, down] = [right - left, bottom - top];
  if (across <= 0 || down <= 0) return { maskIou: 0, boxIou };
  const values = resize(await decode([object.codes]), [MASK_SIZE, MASK_SIZE], [across, down]);
  const real = unrolled(truth.mask.counts, height * width);
  let [both, either] = [0, 0];
  for (const inside of real) either += inside;
  for (let y = 0; y < down; y++)
    for (let x = 0; x < across; x++)
      if ((values[y * across + x] as number) > 0) {
        if (real[(left + x) * height + top + y] === 1) both++;
        else either++;
      }
  return { maskIou: share(both, either), boxIou };
}

function parse(answer: string): { box: Box; codes: number[] } | null {
  const [, locations = '', marks = ''] = OBJECT.exec(answer) ?? [];
  const bins = numbers(locations);
  const codes = numbers(marks);
  const [ymin = 0, xmin = 0, ymax = 0, xmax = 0] = bins;
  const fits = ymax > ymin && xmax > xmin && bins.every((bin) => bin <= BINS) && codes.every((code) => code < 128);
  return fits ? { box: [ymin / BINS, xmin / BINS, ymax / BINS, xmax / BINS], codes } : null;
}

const numbers = (text: string): number[] => [...text.matchAll(/\d+/g)].map(([digits]) => Number(digits));

/** A mask from its runs, down the columns. */
function unrolled(counts: readonly number[], pixels: number): Uint8Array {
  const mask = new Uint8Array(pixels);
  let at = 0;
  counts.forEach((run, i) => {
    if (i % 2 === 1) mask.fill(1, at, at + run);
    at += run;
  });
  return mask;
}

function overlap(a: Box, b: Box): number {
  const both = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  return share(both, area(a) + area(b) - both);
}

const area = ([ymin, xmin, ymax, xmax]: Box): number => Math.max(xmax - xmin, 0) * Math.max(ymax - ymin, 0);

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);
