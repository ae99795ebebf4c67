const MAX_DEPTH = 100;

/**
 * The value of a JSON text. JSON.parse takes any depth, but what goes through the value later does not (JSON.stringify and
 * String recurse): what is nested deeper than 100 levels is refused here.
 * @throws Error saying what is wrong with the text
 */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!isShallow(value, MAX_DEPTH)) throw new Error(`nested deeper than ${MAX_DEPTH} levels`);
  return value;
}

const isShallow = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1)));
