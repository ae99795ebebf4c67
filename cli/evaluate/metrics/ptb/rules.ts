// Penn Treebank tokenisation as caption evaluations' tokenizer (Stanford's of 2014) does it: at each place the longest text that a
// rule matches, what must follow it included; of several the first.
import { ACRONYM, BEFORE_CAPITAL, BEFORE_NUMBER, BEFORE_SMALL, BEGINNINGS, LONG_ACRONYM } from './abbreviations.js';
import {
  AMPERSAND,
  ANY_APOSTROPHE,
  APOSTROPHE,
  anyCase,
  COMMA,
  chain,
  DIGIT,
  GAP,
  LETTER,
  NEWLINE,
  oneOf,
  SPACE,
  WORD_CHARACTER,
} from './characters.js';
import * as write from './normalize.js';
import { ADDRESSES, EMAIL, FACE, PHONE, SYMBOL, TAG, URL } from './symbols.js';

export interface Rule {
  /** Sticky. The group `ahead` is what must follow. */
  pattern: RegExp;
  /** How a token is written; null for what makes none. */
  as: ((text: string) => string) | null;
  /** How much of the text is taken: the rest is read again. */
  take: (text: string) => number;
}

const whole = (text: string) => text.length;
const butLast = (count: number) => (text: string) => text.length - count;
const plain = (text: string) => text;

const rule = (source: string, as: Rule['as'] = plain, take: Rule['take'] = whole): Rule => ({
  pattern: new RegExp(source, 'uy'),
  as,
  take,
});
/** A word that is two, of which the second has so many letters. */
const divided = (source: string, second: number): Rule =>
  rule(anyCase(source), (text) => text.slice(0, -second), butLast(second));
const before = (source: string, ahead: string, as: Rule['as'] = plain, take: Rule['take'] = whole): Rule =>
  rule(`(?:${source})(?=(?<ahead>${ahead}))`, as, take);

const SIMPLE = '[\\p{L}\\p{Nd}]';
const HYPHEN = '[-_\\u058a\\u2010\\u2011]';
/** With a stop within it, as in `example.com`. */
const WORD = chain(`${LETTER}${WORD_CHARACTER}*`, '[.!?]');
/** A name may have its article before it: `d'Arc`, `O'Neill`. */
const NAME = `(?:[DLOdlo]${ANY_APOSTROPHE}${SIMPLE})?${SIMPLE}+`;
const HYPHENED = chain(NAME, HYPHEN);
const CODE = '[A-Za-z0-9]';
const HYPHENED_CODES = `${CODE}[A-Za-z0-9.,\\xad]*(?:-(?:${LONG_ACRONYM}\\.|[A-Za-z0-9\\xad]+))+`;
/** `AT&T` */
const JOINED = chain('[A-Z]+', `${AMPERSAND}|[+&]`, 2);
/** `and/or`, `black-and-white/colour` */
const SLASHED = chain(`${CODE}+(?:-[A-Za-z]+){0,2}`, '\\\\?/', 2, 3);

/** `'s`, `'ll` and their like. */
const ENDING = `${APOSTROPHE}(?:[msdMSD]|${oneOf('re ve ll')})`;
const NOT = anyCase(`n${ANY_APOSTROPHE}t`);
const BEFORE_NOT = '[A-Za-z\\xad]*[A-MO-Za-mo-z]\\xad*';

/** Words with an apostrophe that are one, by where it stands. */
const CLIPPED = {
  before: [oneOf('cause em til till'), '[2-9]0[sS]'].map((rest) => `${APOSTROPHE}${rest}`),
  behind: ['[DJLdjl]', oneOf('Dunkin ol somethin')].map((word) => `${word}${APOSTROPHE}`),
  around: [`${APOSTROPHE}[Nn]${APOSTROPHE}?`],
  within: [
    oneOf("c'mon cont'd cont'd\\. e'er ev'ry li'l nat'l nor'easter s'mores 'twas"),
    `[Oo]${ANY_APOSTROPHE}[Oo]`,
    // A letter before a name, and two vowels that are spoken apart.
    `[A-HJ-XZn]${ANY_APOSTROPHE}\\p{L}{2,}`,
    `\\p{L}+[AEIOUYaeiouy]${ANY_APOSTROPHE}[A-Zaeiou]\\p{L}*`,
  ],
};

/** A compound, with its full stop where a sentence goes on. */
const compound = (source: string, as?: Rule['as']): Rule[] => [before(`(?:${source})\\.`, COMMA, as), rule(source, as)];

const DOUBLE_QUOTE = `"|${anyCase('&quot;')}`;

const PART = '[.:,\\xad\\u066b\\u066c]';
const NUMBER = `${DIGIT}*(?:${PART}${DIGIT}+)+|${DIGIT}+`;
const few = `${DIGIT}{1,4}`;
const FRACTION = `(?:${few}[- \\xa0])?${few}(?:\\\\?/|\\u2044)${few}`;
const RAISED = '[\\u2070\\xb9\\xb2\\xb3\\u2074-\\u2079]+';
const LOWERED = '[\\u2080-\\u2089]+';
const FILE_TYPES = `bat bmp c cgi class cpp dll doc docx exe gif gz h htm html jar java jpeg jpg mov mp3 pdf php pl png ppt ps py
  sql tar txt wav x xml zip`;
const AND = `(?:${AMPERSAND}|&)`;
/** Words that the rules would take apart. */
const AS_THEY_ARE = [
  oneOf('anti- C\\.D\\.s pro-'),
  `-[LR][CRS]B-`,
  `[Ss]${AND}(?:[Pp]-500|[Ll][Ss])`,
  `${anyCase('cap')}${APOSTROPHE}[Nn]`,
  `[Cc]${APOSTROPHE}${anyCase('est')}`,
  '[Cc]\\+\\+|[CFcf]#',
];

const twoWords: Rule[] = [
  divided('gimme|gonna|gotta|lemme|wanna', 2),
  divided('cannot', 3),
  divided("'tis", 2),
  divided("'twas", 3),
  before(WORD, ENDING, write.withoutSoftHyphens),
  before(BEFORE_NOT, NOT, write.withoutSoftHyphens),
];

const words: Rule[] = [
  rule(WORD, write.withoutSoftHyphens),
  ...Object.values(CLIPPED).flatMap((sources) => sources.map((source) => rule(source))),
  before(`[Yy]${APOSTROPHE}`, '\\p{L}'),
];

const addresses: Rule[] = [URL, ...ADDRESSES, EMAIL, `@[A-Z_a-z][0-9A-Z_a-z]*`, `#${LETTER}+`].map((one) => rule(one));

const endings: Rule[] = [before(`${ENDING}|${NOT}`, '[^A-Za-z]', write.closed)];

const numbers: Rule[] = [
  rule(`${DIGIT}{1,2}[-/]${DIGIT}{1,2}[-/]${DIGIT}{2,4}`),
  rule(`[-+]?(?:${NUMBER})`, write.withoutSoftHyphens),
  rule(`[\\u207a\\u207b\\u208a\\u208b]?(?:${LOWERED}|${RAISED})`),
  rule(FRACTION, write.unbroken),
  rule('[\\xbc-\\xbe\\u2153-\\u215e]', write.fraction),
];

const money: Rule[] = [
  rule('[A-Z]*\\$'),
  rule('[\\x80\\xa2-\\xa5\\u060b\\u0e3f\\u20a0\\u20a4\\u20ac\\uffe0\\uffe1\\uffe5\\uffe6]', write.currency),
];

/** With their full stop, or the full stop twice where a sentence ends as well. */
const abbreviations: Rule[] = [
  before(
    `${ACRONYM}\\.`,
    `${GAP}+(?:${BEGINNINGS}|${TAG})${GAP}`,
    (text) => (text.length === 2 ? text.slice(0, 1) : text),
    butLast(1),
  ),
  before(BEFORE_NUMBER, `${GAP}?${DIGIT}`),
  before(`(?:[Pp][Tt][EYey]|${anyCase('co')})\\.`, `${SPACE}${oneOf('lim ltd')}`),
  before(BEFORE_SMALL, `${GAP}(?:\\p{Lu}|${GAP}|${TAG})`, plain, butLast(1)),
  before(BEFORE_SMALL, '[^][^]'),
  rule(BEFORE_SMALL, plain, butLast(1)),
  rule(`${BEFORE_CAPITAL}\\.`),
  before(BEFORE_CAPITAL, SPACE),
  before(ACRONYM, GAP),
  before(`${APOSTROPHE}[0-9]{2}`, GAP),
];

const names: Rule[] = [
  before(`${chain(`${WORD_CHARACTER}+`, '\\.')}\\.${oneOf(FILE_TYPES)}`, `${GAP}|[.?!,]`),
  before(`(?:${WORD})\\.`, COMMA, write.withoutSoftHyphens),
  rule(PHONE, (text) => write.parentheses(write.unbroken(text))),
];

const quotes: Rule[] = [before(DOUBLE_QUOTE, '[$0-9A-Za-z]', write.opened), rule(DOUBLE_QUOTE, write.closed)];

const faces: Rule[] = [before(FACE.western, '[^0-9A-Za-z]', write.parentheses), rule(FACE.eastern, write.parentheses)];

const brackets: Rule[] = [
  rule(`<|${anyCase('&lt;')}`, () => '<'),
  rule(`>|${anyCase('&gt;')}`, () => '>'),
  ...faces,
  ...Object.entries({ '{': '-LCB-', '}': '-RCB-', '[': '-LSB-', ']': '-RSB-' }).map(([sign, name]) =>
    rule(`\\${sign}`, () => name),
  ),
  rule('[()]', write.parentheses),
];

const punctuation: Rule[] = [
  rule('-+', write.dashes),
  rule('[\\x85\\u2026]|\\.{3,5}|(?:\\.[ \\xa0]){2,4}\\.', () => '...'),
  ...['@', '#', '_', '\\*'].map((sign) => rule(`${sign}+`)),
  rule('(?:\\\\\\*){1,3}'),
  rule(COMMA),
  rule('[!?]+'),
  rule('[./=\\xa1\\xbf\\u037e\\u0589\\u061f\\u06d4\\u0700-\\u0702\\u07fa\\u3002]'),
];

const compounds: Rule[] = [
  ...compound(HYPHENED_CODES, write.withoutSoftHyphens),
  ...compound(HYPHENED),
  ...compound(JOINED, write.ampersand),
];

const leftOver: Rule[] = [
  before("'", '[A-Za-z][^ \\t\\n\\r\\xa0]', write.opened),
  rule(`${ENDING}|${NOT}`, write.closed),
  rule(`[\`\\x91-\\x94\\xab\\xbb\\u2018-\\u201f\\u2039\\u203a]{1,2}|''?|${APOSTROPHE}`, write.closed),
  rule('<<|>>'),
  rule(SYMBOL),
  rule(`[\\0\\x7f\\u200b\\u200e\\u200f\\ufeff]|${NEWLINE}|${SPACE}+|${anyCase('&nbsp;')}`, null),
];

/** Of those that take the same the first one counts. */
export const RULES: Rule[] = [
  ...twoWords,
  rule(TAG, write.unbroken),
  rule(`[\\x96\\x97\\u2013-\\u2015]|&${oneOf('md mdash ndash')};`, () => '--'),
  rule(AMPERSAND, write.ampersand),
  rule(`&(?:#[0-9]+|${oneOf('cdq ht lr odq qc ql qr tl ur')});`),
  ...[words, addresses, endings, numbers].flat(),
  ...AS_THEY_ARE.map((source) => rule(source, write.ampersand)),
  rule(SLASHED),
  ...[money, abbreviations, names, quotes, brackets, punctuation, compounds, leftOver].flat(),
];
