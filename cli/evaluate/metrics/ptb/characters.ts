// Sources of expressions for kinds of characters. Those of the tokenizer are caseless in words and exact in classes.

/** A text in any case. Characters in brackets and after a backslash stay as they are. */
export const anyCase = (source: string): string =>
  source.replace(/\[[^\]]*\]|\\.|[a-z]/gi, (part) =>
    part.length === 1 ? `[${part.toLowerCase()}${part.toUpperCase()}]` : part,
  );

/** One of several words in any case; of `=Wash` the first letter must be a capital. */
export const oneOf = (list: string): string =>
  `(?:${list
    .trim()
    .split(/\s+/)
    .sort((a, b) => b.length - a.length)
    .map((word) => anyCase(word.replace(/^=(.)/, '[$1]')))
    .join('|')})`;

/** The inside of a character class, from hexadecimal numbers and ranges of them. */
export function ranges(list: string): string {
  return list.replace(/\s*([0-9a-f]+)(-?)/g, (_, code, dash) => `\\u{${code}}${dash}`);
}

/** Parts of one kind, with something between each two of them. */
export const chain = (part: string, joint: string, least = 1, most = Number.POSITIVE_INFINITY): string =>
  `${part}(?:(?:${joint})${part}){${least - 1},${Number.isFinite(most) ? most - 1 : ''}}`;

export const SPACE = '[ \\t\\xa0\\u2000-\\u200a\\u3000]';
export const NEWLINE = '(?:\\r?\\n|[\\r\\v\\f\\x85\\u2028\\u2029])';
export const GAP = `(?:${SPACE}|${NEWLINE})`;
export const DIGIT = '\\p{Nd}';

/**
 * What makes words beside letters, from hexadecimal numbers: the soft hyphen, modifiers and marks of the scripts that the
 * tokenizer knows. Those of Oriya, Kannada, Sinhala and everything beyond Lao are not among them, and divide words.
 */
const MARKS =
  ranges(`ad 237-24f 2c2-2c5 2d2-2df 2e5-37d 384-385 3cf 3f6 3fc-3ff 483-487 4cf 4f6-525 55a-55f 591-5bd 5bf 5c1-5c2 5c4-5c5
  5c7 615-61a 63b-63f 64b-65e 670 6d6-6ef 6fa-6ff 70f 711 730-77f 7a6-7b1 7ca-7f5 7fa 900-903 93c 93e-94e 951-955 962-963 981-983
  9bc-9c4 9c7-9c8 9cb-9cd 9d7 9e2-9e3 a01-a03 a3c a3e-a4f a81-a83 abc-acf b82 bbe-bc2 bc6-bc8 bca-bcd c01-c03 c3e-c56 d3e-d44
  d46-d48 e30-e3a e47-e4e eb1-ebc ec8-ecd`);
const ENTITY = `&[aeiouAEIOU]${oneOf('acute grave uml')}`;

/** A letter, which may be an entity without its semicolon. */
export const LETTER = `(?:[\\p{L}${MARKS}]|${ENTITY})`;
export const WORD_CHARACTER = `(?:[\\p{L}\\p{Nd}${MARKS}]|${ENTITY})`;

export const APOSTROPHE = `(?:['\\x92\\u2019]|${anyCase('&apos;')})`;
/** Also those that stand in words by mistake. */
export const ANY_APOSTROPHE = `(?:['\\x92\\u2019\`\\x91\\u2018\\u201b]|${anyCase('&apos;')})`;
export const AMPERSAND = anyCase('&amp;');
/** A comma and its like, after which a sentence goes on. */
export const COMMA = '[,;:\\u3001]';
