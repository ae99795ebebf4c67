// Texts as Python has them: the reference scripts are written in it, and differ from JavaScript in what is white and what a number is.

/** What `float` takes for white space. */
const WHITE = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
/** What `str.strip` and `str.split` take for it. */
const MORE_WHITE = `${WHITE}\\x1c-\\x1f`;
const ends = (white: string) => new RegExp(`^[${white}]+|[${white}]+$`, 'gu');
const NUMBER_ENDS = ends(WHITE);
const ENDS = ends(MORE_WHITE);
const RUNS = new RegExp(`[${MORE_WHITE}]+`, 'u');

export const strip = (text: string): string => text.replace(ENDS, '');

/** The words between white space; none of an empty text. */
export const words = (text: string): string[] => text.split(RUNS).filter((word) => word !== '');

const DIGITS = '\\d(?:_?\\d)*';
const NUMBER = new RegExp(`^[+-]?(?:${DIGITS}(?:\\.(?:${DIGITS})?)?|\\.${DIGITS})(?:e[+-]?${DIGITS})?$`, 'i');
const INFINITE = /^([+-]?)inf(?:inity)?$/i;

/** A text as `float` reads it: with white space around it, `_` between digits, digits of any script. Null for what is no number. */
export function toFloat(text: string): number | null {
  const plain = text.replace(NUMBER_ENDS, '').replace(/[^\P{Nd}0-9]/gu, decimal);
  const infinite = INFINITE.exec(plain);
  if (infinite) return infinite[1] === '-' ? -Infinity : Infinity;
  if (/^[+-]?nan$/i.test(plain)) return Number.NaN;
  return NUMBER.test(plain) ? Number(plain.replaceAll('_', '')) : null;
}

/** A digit of any script as one of ours: Unicode has each script's ten in a row, from its zero. */
function decimal(digit: string): string {
  let before = 0;
  while (/\p{Nd}/u.test(String.fromCodePoint((digit.codePointAt(0) as number) - before - 1))) before++;
  return String(before % 10);
}
