// Rules of Stanford's English tokenizer in its version of 2014 (CoreNLP 3.4.1, `PTBLexer`), which caption evaluations use: at each
// place the longest text that a rule matches, what must follow it included; of several the first.
import { ACRONYM, BEFORE_CAPITAL, BEFORE_NUMBER, BEFORE_SMALL, BEGINNINGS, LONG_ACRONYM } from './abbreviations.js';
import {
  AMPERSAND,
  ANY_APOSTROPHE,
  APOSTROPHE,
  anyCase,
  COMMA,
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

const WORD = `${LETTER}${WORD_CHARACTER}*(?:[.!?]${LETTER}${WORD_CHARACTER}*)*`;
/** `'s`, `'ll` and their like. */
const ENDING = `${APOSTROPHE}(?:[msdMSD]|${oneOf('re ve ll')})`;
const NOT = anyCase(`n${ANY_APOSTROPHE}t`);
const BEFORE_NOT = '[A-Za-z\\xad]*[A-MO-Za-mo-z]\\xad*';

/** Words with an apostrophe that are one. */
const WITH_APOSTROPHE = [
  `${APOSTROPHE}[nN]${APOSTROPHE}?`,
  `[lLdDjJ]${APOSTROPHE}`,
  `${oneOf('Dunkin somethin ol')}${APOSTROPHE}`,
  `${APOSTROPHE}${oneOf('em till til cause')}`,
  `${APOSTROPHE}[2-9]0[sS]`,
  `[A-HJ-XZn]${ANY_APOSTROPHE}\\p{L}{2,}`,
  `\\p{L}+[aeiouyAEIOUY]${ANY_APOSTROPHE}[aeiouA-Z]\\p{L}*`,
  oneOf("cont'd\\. cont'd 'twas nor'easter c'mon e'er s'mores ev'ry li'l nat'l"),
  `[oO]${ANY_APOSTROPHE}[oO]`,
];

const NUMBER = `${DIGIT}*(?:[.:,\\xad\\u066b\\u066c]${DIGIT}+)+|${DIGIT}+`;
const SIMPLE = '[\\p{L}\\p{Nd}]';
const ARTICLE = `(?:[dDoOlL]${ANY_APOSTROPHE}${SIMPLE})?`;
const HYPHENED = `${ARTICLE}${SIMPLE}+(?:[-_\\u058a\\u2010\\u2011]${ARTICLE}${SIMPLE}+)*`;
const HYPHENED_PARTS = `[A-Za-z0-9][A-Za-z0-9.,\\xad]*(?:-(?:${LONG_ACRONYM}\\.|[A-Za-z0-9\\xad]+))+`;
const JOINED = `[A-Z]+(?:(?:${AMPERSAND}|[+&])[A-Z]+)+`;
const SLASH_PART = '[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}';
const FILE_TYPES = `bat bmp c class cgi cpp dll doc docx exe gif gz h htm html jar java jpeg jpg mov mp3 pdf php pl png ppt ps py sql
  tar txt wav x xml zip`;

/** In the tokenizer's order. */
export const RULES: Rule[] = [
  rule('[cC]\\+\\+|[cCfF]#'),
  divided('cannot', 3),
  divided("'twas", 3),
  divided("'tis", 2),
  divided('gonna|gotta|lemme|gimme|wanna', 2),
  rule(TAG, write.unbroken),
  rule(`&${oneOf('md mdash ndash')};|[\\x96\\x97\\u2013-\\u2015]`, () => '--'),
  rule(AMPERSAND, write.ampersand),
  rule(`&(?:${oneOf('ht tl ur lr qc ql qr odq cdq')}|#[0-9]+);`),
  before(WORD, ENDING, write.withoutSoftHyphens),
  before(BEFORE_NOT, NOT, write.withoutSoftHyphens),
  rule(WORD, write.withoutSoftHyphens),
  ...WITH_APOSTROPHE.map((source) => rule(source)),
  before(`[yY]${APOSTROPHE}`, '\\p{L}'),
  rule(URL),
  ...ADDRESSES.map((source) => rule(source)),
  rule(EMAIL),
  rule(`@[a-zA-Z_][a-zA-Z_0-9]*|#${LETTER}+`),
  before(`${ENDING}|${NOT}`, '[^A-Za-z]', write.closed),
  rule(`${DIGIT}{1,2}[-/]${DIGIT}{1,2}[-/]${DIGIT}{2,4}`),
  rule(`[-+]?(?:${NUMBER})`, write.withoutSoftHyphens),
  rule('[\\u207a\\u207b\\u208a\\u208b]?(?:[\\u2070\\xb9\\xb2\\xb3\\u2074-\\u2079]+|[\\u2080-\\u2089]+)'),
  rule(`(?:${DIGIT}{1,4}[- \\xa0])?${DIGIT}{1,4}(?:\\\\?/|\\u2044)${DIGIT}{1,4}`, write.unbroken),
  rule('[\\xbc-\\xbe\\u2153-\\u215e]', write.fraction),
  rule(
    `-${oneOf('RRB LRB RCB LCB RSB LSB')}-|${oneOf('C\\.D\\.s pro- anti-')}|[sS](?:${AMPERSAND}|&)[pP]-500|[sS](?:${AMPERSAND}|&)[lL][sS]|${anyCase('cap')}${APOSTROPHE}[nN]|[cC]${APOSTROPHE}${anyCase('est')}`,
    write.ampersand,
  ),
  rule(`${SLASH_PART}(?:\\\\?/${SLASH_PART}){1,2}`),
  rule('[A-Z]*\\$|#'),
  rule('[\\xa2-\\xa5\\x80\\u20a0\\u20ac\\u060b\\u0e3f\\u20a4\\uffe0\\uffe1\\uffe5\\uffe6]', write.currency),
  before(
    `${ACRONYM}\\.`,
    `${GAP}+(?:${BEGINNINGS}|${TAG})${GAP}`,
    (text) => (text.length === 2 ? text.slice(0, 1) : text),
    butLast(1),
  ),
  before(BEFORE_NUMBER, `${GAP}?${DIGIT}`),
  before(`(?:[pP][tT][eyEY]|${anyCase('co')})\\.`, `${SPACE}${oneOf('ltd lim')}`),
  before(BEFORE_SMALL, `${GAP}(?:${TAG}|${GAP}|\\p{Lu})`, plain, butLast(1)),
  before(BEFORE_SMALL, '[^][^]'),
  rule(BEFORE_SMALL, plain, butLast(1)),
  rule(`${BEFORE_CAPITAL}\\.`),
  before(BEFORE_CAPITAL, SPACE),
  before(ACRONYM, GAP),
  before(`${APOSTROPHE}[0-9][0-9]`, GAP),
  before(`${WORD_CHARACTER}+(?:\\.${WORD_CHARACTER}+)*\\.${oneOf(FILE_TYPES)}`, `${GAP}|[.?!,]`),
  before(`(?:${WORD})\\.`, COMMA, write.withoutSoftHyphens),
  rule(PHONE, (text) => write.parentheses(write.unbroken(text))),
  before(`"|${anyCase('&quot;')}`, '[A-Za-z0-9$]', write.opened),
  rule(`"|${anyCase('&quot;')}`, write.closed),
  rule('\\x7f', null),
  rule(`<|${anyCase('&lt;')}`, () => '<'),
  rule(`>|${anyCase('&gt;')}`, () => '>'),
  before(FACE.western, '[^A-Za-z0-9]', write.parentheses),
  rule(FACE.eastern, write.parentheses),
  rule('\\{', () => '-LCB-'),
  rule('\\}', () => '-RCB-'),
  rule('\\[', () => '-LSB-'),
  rule('\\]', () => '-RSB-'),
  rule('[()]', write.parentheses),
  rule('-+', write.dashes),
  rule('\\.{3,5}|(?:\\.[ \\xa0]){2,4}\\.|[\\x85\\u2026]', () => '...'),
  rule('@+|#+|_+|\\*+|(?:\\\\\\*){1,3}'),
  rule(COMMA),
  rule('[?!]+'),
  rule('[.\\xa1\\xbf\\u037e\\u0589\\u061f\\u06d4\\u0700-\\u0702\\u07fa\\u3002=/]'),
  before(`${HYPHENED_PARTS}\\.`, COMMA, write.withoutSoftHyphens),
  rule(HYPHENED_PARTS, write.withoutSoftHyphens),
  before(`${HYPHENED}\\.`, COMMA),
  rule(HYPHENED),
  before(`${JOINED}\\.`, COMMA, write.ampersand),
  rule(JOINED, write.ampersand),
  before("'", '[A-Za-z][^ \\t\\n\\r\\xa0]', write.opened),
  rule(`${ENDING}|${NOT}`, write.closed),
  rule(`''|[\`\\u2018-\\u201f\\x91-\\x94\\u2039\\u203a\\xab\\xbb]{1,2}|${APOSTROPHE}`, write.closed),
  rule('<<|>>'),
  rule(SYMBOL),
  rule(`${SPACE}+|[\\0\\u200b\\u200e\\u200f\\ufeff]|${NEWLINE}|${anyCase('&nbsp;')}`, null),
];
