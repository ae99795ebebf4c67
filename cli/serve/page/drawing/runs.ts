import type { RunLength } from '../server/types';

/**
 * Runs of zeros and ones in turn, from COCO's text: five bits a character, the lowest first, the sixth says that more follow;
 * from the fourth run on the difference to the run before the last one. (pycocotools, rleFrString.)
 */
export function readRuns(counts: string): number[] {
  const runs: number[] = [];
  let value = 0;
  let shift = 0;
  for (let i = 0; i < counts.length; i++) {
    const code = counts.charCodeAt(i) - 48;
    value += (code & 31) * 2 ** shift;
    shift += 5;
    if ((code & 32) !== 0) continue;
    if ((code & 16) !== 0) value -= 2 ** shift;
    runs.push(runs.length > 2 ? value + (runs[runs.length - 2] as number) : value);
    value = 0;
    shift = 0;
  }
  return runs;
}

/** Where a mask has pixels. */
export interface MaskExtent {
  left: number;
  top: number;
  width: number;
  height: number;
  /** How many are set. */
  pixels: number;
}

/** Stretches of set pixels, each within a column. */
function* stretches({ size: [height], counts }: RunLength): Generator<[column: number, from: number, to: number]> {
  let at = 0;
  let set = false;
  for (const run of readRuns(counts)) {
    for (let from = at; set && from < at + run; ) {
      const column = Math.floor(from / height);
      const to = Math.min(at + run, (column + 1) * height);
      yield [column, from - column * height, to - column * height];
      from = to;
    }
    at += run;
    set = !set;
  }
}

export function extentOf(mask: RunLength): MaskExtent {
  let [left, top, right, bottom, pixels] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 0, 0, 0];
  for (const [column, from, to] of stretches(mask)) {
    left = Math.min(left, column);
    right = Math.max(right, column + 1);
    top = Math.min(top, from);
    bottom = Math.max(bottom, to);
    pixels += to - from;
  }
  return pixels === 0
    ? { left: 0, top: 0, width: 0, height: 0, pixels }
    : { left, top, width: right - left, height: bottom - top, pixels };
}

/**
 * A mask in one colour, as large as its extent.
 * @param step so many of its pixels across and down become one
 */
export function paintMask(mask: RunLength, extent: MaskExtent, colour: string, opacity: number, step = 1): ImageData {
  const image = new ImageData(Math.ceil(extent.width / step), Math.ceil(extent.height / step));
  const pixels = new Uint32Array(image.data.buffer);
  const channels = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  const [red, green, blue] = channels as [number, number, number];
  const value = ((opacity << 24) | (blue << 16) | (green << 8) | red) >>> 0; // processors of today are little-endian
  for (const [column, from, to] of stretches(mask)) {
    const across = Math.floor((column - extent.left) / step);
    const last = Math.floor((to - 1 - extent.top) / step);
    for (let row = Math.floor((from - extent.top) / step); row <= last; row++)
      pixels[row * image.width + across] = value;
  }
  return image;
}
