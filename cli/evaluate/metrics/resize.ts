/** What one pixel takes of a row or column: weights from `first` on. */
interface Share {
  first: number;
  weights: number[];
}

/**
 * Resizes rows of values bilinearly as Pillow does: a triangle as wide as two pixels of the result, at least two of the source,
 * across first, float32 between. Made smaller, a pixel is the mean of all that it covers.
 *
 * Source: the description of `Image.resize` with `Resampling.BILINEAR`, mode F.
 * @param values row by row
 */
export function resize(values: Float32Array, [width, height]: Size, [across, down]: Size): Float32Array {
  const columns = shares(width, across);
  const wide = new Float32Array(across * height);
  for (let y = 0; y < height; y++)
    columns.forEach(({ first, weights }, x) => {
      wide[y * across + x] = sum(weights, (i) => values[y * width + first + i] as number);
    });
  const result = new Float32Array(across * down);
  shares(height, down).forEach(({ first, weights }, y) => {
    for (let x = 0; x < across; x++)
      result[y * across + x] = sum(weights, (i) => wide[(first + i) * across + x] as number);
  });
  return result;
}

/** Width, height. */
export type Size = readonly [number, number];

function shares(from: number, to: number): Share[] {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  return Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - reach + 0.5), 0);
    const end = Math.min(Math.trunc(centre + reach + 0.5), from);
    const weights = Array.from({ length: end - first }, (_, j) =>
      Math.max(1 - Math.abs((first + j - centre + 0.5) / reach), 0),
    );
    const whole = weights.reduce((all, weight) => all + weight, 0);
    return { first, weights: weights.map((weight) => weight / whole) };
  });
}

function sum(weights: number[], at: (index: number) => number): number {
  let all = 0;
  for (let i = 0; i < weights.length; i++) all += at(i) * (weights[i] as number);
  return all;
}
