// Found boxes against true ones in one picture, as COCO's evaluation does it.

/** x, y, width, height. */
export type Box = [number, number, number, number];

export interface TrueBox {
  label: string;
  box: Box;
  /** Of the object's shape. */
  area: number;
  /** Many objects in one: whatever lies in it is neither right nor wrong. */
  crowd?: boolean;
}

export interface FoundBox {
  label: string;
  box: Box;
  score: number;
}

/** The ten shares of overlap from 0.5 to 0.95, computed as numpy does. */
export const OVERLAPS = Array.from({ length: 10 }, (_, i) => 0.5 + i * ((0.95 - 0.5) / 9));
/** Boxes of a label in a picture beyond these, the best first, count for nothing. */
const MOST_FOUND = 100;

/** Areas in pixels, both ends within. */
export const SIZES = {
  all: [0, 1e10],
  small: [0, 32 ** 2],
  medium: [32 ** 2, 96 ** 2],
  large: [96 ** 2, 1e10],
} as const;
export type SizeName = keyof typeof SIZES;

/** What became of the found boxes of one label in one picture. */
export interface Matches {
  /** The highest first. */
  scores: number[];
  /** For each of {@link OVERLAPS} and each found box: 1 right, 0 wrong, -1 not counted. */
  outcomes: Int8Array[];
  /** True boxes that are to be found. */
  wanted: number;
}

/** Shared area as a share of both together; of a crowd, of what was found. */
export function overlap([x, y, w, h]: Box, [tx, ty, tw, th]: Box, crowd = false): number {
  const across = Math.min(x + w, tx + tw) - Math.max(x, tx);
  const down = Math.min(y + h, ty + th) - Math.max(y, ty);
  if (across <= 0 || down <= 0) return 0;
  const both = across * down;
  return both / (crowd ? w * h : w * h + tw * th - both);
}

/** @param truth and found, of one label */
export function match(truth: readonly TrueBox[], found: readonly FoundBox[], size: SizeName): Matches {
  const [least, most] = SIZES[size];
  const outside = (area: number) => area < least || area > most;
  const ignored = (one: TrueBox) => one.crowd === true || outside(one.area);
  const targets = [...truth.filter((one) => !ignored(one)), ...truth.filter(ignored)];
  const wanted = targets.filter((one) => !ignored(one)).length;
  const best = [...found].sort((a, b) => b.score - a.score).slice(0, MOST_FOUND);
  const shares = best.map(({ box }) => targets.map((target) => overlap(box, target.box, target.crowd)));
  const outcomes = OVERLAPS.map((threshold) => {
    const taken = new Uint8Array(targets.length);
    return Int8Array.from(best, ({ box }, i) => {
      const at = bestTarget(shares[i] as number[], targets, taken, wanted, threshold);
      if (at < 0) return outside(box[2] * box[3]) ? -1 : 0;
      taken[at] = 1;
      return at < wanted ? 1 : -1;
    });
  });
  return { scores: best.map(({ score }) => score), outcomes, wanted };
}

/**
 * The free target that overlaps most, or -1. Those that are not to be found come last and are taken only where no other fits; of
 * equal overlaps the last one is taken, as COCO's code does.
 */
function bestTarget(
  shares: number[],
  targets: readonly TrueBox[],
  taken: Uint8Array,
  wanted: number,
  threshold: number,
): number {
  let least = Math.min(threshold, 1 - 1e-10);
  let at = -1;
  for (const [i, target] of targets.entries()) {
    if (taken[i] && !target.crowd) continue;
    if (at >= 0 && at < wanted && i >= wanted) break;
    if ((shares[i] as number) < least) continue;
    least = shares[i] as number;
    at = i;
  }
  return at;
}
