// What tokens are written as: quotes as in TeX, brackets by name, dashes and fractions in ASCII.

const QUOTES: [RegExp, string][] = [
  [/[\x91\u2018\u201b\u2039]/g, '`'],
  [/[\x92\u2019\u203a]/g, "'"],
  [/[\x93\u201c\xab]/g, '``'],
  [/[\x94\u201d\xbb]/g, "''"],
];

const quotes = (text: string, single: string): string =>
  QUOTES.reduce(
    (left, [from, to]) => left.replace(from, to),
    text.replace(/&apos;|'/g, single).replace(/"|&quot;/g, single + single),
  );

export const opened = (text: string): string => quotes(text, '`');
export const closed = (text: string): string => quotes(text, "'");

const FRACTIONS = new Map([
  ['\xbc', '1/4'],
  ['\xbd', '1/2'],
  ['\xbe', '3/4'],
  ['\u2153', '1/3'],
  ['\u2154', '2/3'],
]);
export const fraction = (text: string): string => FRACTIONS.get(text) ?? text;

/** A pound is `#` in the treebank; the euro and other signs have no better form than the dollar. */
export const currency = (text: string): string =>
  text
    .replace('\xa2', 'cents')
    .replace('\xa3', '#')
    .replace(/[\x80\xa4\u20a0\u20ac]/, '$');

export const ampersand = (text: string): string => text.replace(/&amp;/gi, '&');
export const unbroken = (text: string): string => text.replaceAll(' ', '\xa0');
export const parentheses = (text: string): string => text.replaceAll('(', '-LRB-').replaceAll(')', '-RRB-');
/** A token is never empty. */
export const withoutSoftHyphens = (text: string): string => text.replaceAll('\xad', '') || '-';
export const dashes = (text: string): string => (text.length === 3 || text.length === 4 ? '--' : text);
