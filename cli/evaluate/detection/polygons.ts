// Shapes as COCO's annotations have them, and masks in its run-length form: column by column, background first.
import { invalid } from 'node-paligemma/support';

export interface RunLengths {
  /** Height and width. */
  size: [number, number];
  counts: number[];
}

/** COCO lays an outline on a grid that is so many times as fine. */
const FINE = 5;

/** @param shape polygons (x and y in turn), or run lengths that are no text */
export function maskOf(shape: number[][] | RunLengths, height: number, width: number): RunLengths {
  if (!Array.isArray(shape)) {
    if (!Array.isArray(shape.counts)) throw invalid('a mask has its run lengths as a text: give them as numbers');
    return shape;
  }
  const pixels = new Uint8Array(height * width);
  for (const polygon of shape) fill(pixels, polygon, height, width);
  return { size: [height, width], counts: runLengths(pixels) };
}

export function runLengths(pixels: Uint8Array): number[] {
  const counts: number[] = [];
  let [value, run] = [0, 0];
  for (const pixel of pixels) {
    if (pixel === value) run++;
    else {
      counts.push(run);
      [value, run] = [pixel, 1];
    }
  }
  counts.push(run);
  return counts;
}

/** Sets the pixels of a polygon: between the places where its outline crosses a column, the first one in, the second one out. */
function fill(pixels: Uint8Array, polygon: number[], height: number, width: number): void {
  const crossings: number[] = [];
  let before: [number, number] | undefined;
  for (const point of outline(polygon)) {
    const at = before && crossing(before, point, height, width);
    if (at !== undefined) crossings.push(at);
    before = point;
  }
  crossings.sort((a, b) => a - b);
  for (let i = 0; i < crossings.length; i += 2)
    pixels.fill(1, crossings[i], i + 1 < crossings.length ? crossings[i + 1] : pixels.length);
}

/** Where a step of the outline passes the middle of a column, as a place in the pixels. */
function crossing([x0, y0]: [number, number], [x, y]: [number, number], height: number, width: number) {
  if (x === x0) return undefined;
  const column = ((x < x0 ? x : x - 1) + 0.5) / FINE - 0.5;
  if (!Number.isInteger(column) || column < 0 || column > width - 1) return undefined;
  const row = Math.ceil(Math.min(Math.max((Math.min(y, y0) + 0.5) / FINE - 0.5, 0), height));
  return column * height + row;
}

/** The points of the fine grid along a polygon, edge after edge, from corner to corner. */
function* outline(polygon: number[]): Generator<[number, number]> {
  const fine = polygon.map((value) => Math.trunc(FINE * value + 0.5));
  const corners = fine.length >> 1;
  for (let i = 0; i < corners; i++) {
    const next = (i + 1) % corners;
    yield* edge(
      [fine[2 * i] as number, fine[2 * i + 1] as number],
      [fine[2 * next] as number, fine[2 * next + 1] as number],
    );
  }
}

/** Rounded along the longer way, and always from its smaller end, so that an edge is the same in both directions. */
function* edge(from: [number, number], to: [number, number]): Generator<[number, number]> {
  const long = Math.abs(to[0] - from[0]) >= Math.abs(to[1] - from[1]) ? 0 : 1;
  const steps = Math.abs(to[long] - from[long]);
  const backwards = from[long] > to[long];
  const [start, end] = backwards ? [to, from] : [from, to];
  const short = 1 - long;
  const slope = steps === 0 ? 0 : ((end[short] as number) - (start[short] as number)) / steps;
  for (let i = 0; i <= steps; i++) {
    const t = backwards ? steps - i : i;
    const across = Math.trunc((start[short] as number) + slope * t + 0.5);
    yield long === 0 ? [start[0] + t, across] : [across, start[1] + t];
  }
}
