// Sources of expressions for what is no word: addresses, telephone numbers, faces, markup, signs.
import { anyCase, chain, ranges } from './characters.js';

const NAME = '[A-Za-z][A-Za-z0-9_:.-]*';
const BETWEEN = ' +';
const value = ['"', "'"].map((quote) => `${quote}[^${quote}]*${quote}`).join('|');
const ATTRIBUTE = `(?:${NAME} *= *(?:${value})|${NAME})`;
const MARKUP = {
  begin: `${NAME}(?:${BETWEEN}${ATTRIBUTE})* */?`,
  end: `/${NAME}`,
  declaration: '[!?][A-Za-z-][^>\\r\\n]*',
};
/** Markup, which is one token. */
export const TAG = `<(?:${Object.values(MARKUP).join('|')}) *>`;

// What addresses are without, as parts of a class of characters.
const BLANK = ' \\t\\n\\f\\r';
const QUOTE = '"';
const ROUND = '()';
const CURLY = '{}';
const ANGLES = '<>|';
const HARD_BLANK = '\\xa0';
const SENTENCE = '.!?,';
const without = (...parts: string[]) => `[^${parts.join('')}]`;

/** The last character of an address is no punctuation. */
const LAST = without(BLANK, QUOTE, ANGLES, SENTENCE, ROUND, CURLY, '-');
const ending = (character: string) => `${character}+${LAST}`;
export const URL = `${anyCase('https?')}://${ending(without(BLANK, QUOTE, ANGLES, ROUND, CURLY))}`;

const anyOf = (...words: string[]) => `(?:${words.map(anyCase).join('|')})`;
const HOSTS = [
  // With www, any short name of a country or a kind ends it.
  `${anyCase('www\\.')}(?:${without(BLANK, QUOTE, ANGLES, SENTENCE, ROUND, CURLY)}+\\.)+[a-zA-Z]{2,4}`,
  // Without, one of four kinds. Capitals and digits are left out too: all from the comma to the underscore.
  `(?:${without(BLANK, QUOTE, "`'", ANGLES, '.!?', ROUND, CURLY, ',-_', '$')}+\\.)+${anyOf('com', 'net', 'org', 'edu')}`,
];
/** Several, as an expression would not find the longest of them: a host's parts may hold what is a path as well. */
export const ADDRESSES = HOSTS.flatMap((host) => [host, `${host}/${ending(without(BLANK, QUOTE, ANGLES, ROUND))}`]);

const OPEN = `(?:<|${anyCase('&lt;')})`;
const CLOSE = `(?:>|${anyCase('&gt;')})`;
const MAILBOX = `[a-zA-Z0-9]${without(BLANK, QUOTE, ANGLES, ROUND, HARD_BLANK, CURLY)}*`;
const MAIL_HOST = chain(`${without(BLANK, QUOTE, ANGLES, ROUND, CURLY, '.', HARD_BLANK)}+`, '\\.');
export const EMAIL = `${OPEN}?${MAILBOX}@${MAIL_HOST}${CLOSE}?`;

const digits = (least: number, most: number) => `[0-9]{${least},${most}}`;
const GAP = '[ \\xa0]';
const DASH = '[- \\xa0]';
const ABROAD = '\\+{0,2}';
const SUBSCRIBER = `${digits(3, 4)}${DASH}?${digits(3, 5)}`;
const PHONES = [
  `\\(${digits(2, 3)}\\)${GAP}?${SUBSCRIBER}`,
  `${ABROAD}(?:${digits(2, 4)}${DASH}){1,2}${SUBSCRIBER}`,
  `${digits(2, 4)}\\.${digits(3, 4)}\\.${digits(3, 5)}`,
  `${ABROAD}${digits(2, 4)}\\.${digits(2, 4)}\\.${digits(3, 4)}\\.${digits(3, 5)}`,
];
export const PHONE = PHONES.toReversed().join('|');

const CHEEKS = "^x=~<>'";
const cheek = (also = '') => `[${also}\\${CHEEKS}]`;
export const FACE = {
  western: `[<>]?[:;=][-o*']?[()DPdpO\\\\{@|\\[\\]]`,
  eastern: [
    `${cheek('-')}_${cheek('-')}`,
    `\\(${cheek('-')}[_.]?${cheek('-')}\\)`,
    `\\([\\^x=~<>]-${cheek('`')}\\)`,
  ].join('|'),
};

/** Signs that stand alone. */
export const SYMBOL = `[${ranges(`25-26 2b 5c 5e 7c 7e a6-a9 ac ae-ba d7 f7 387 5be 5c0 5c3 5c6 5f3-5f4 600-603 606-60a 60c 614 61b 61e 66a 66d 703-70d
  7f6-7f8 964-965 e4f 1fbd 2016-2017 2020-2023 2030-2038 203b 203e-2042 2044 207a-207f 208a-208e 2100-214f 2190-2bff
  3012 30fb ff01-ff0f ff1a-ff20 ff3b-ff40 ff5b-ff65`)}]`;
