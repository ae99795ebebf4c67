import { CONTRACTIONS } from './contractions.js';
import { strip, words } from './python.js';

const PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!';
const DIGIT_COMMA = /\p{Nd},\p{Nd}/u;
const ARTICLES = ['a', 'an', 'the'];
const NUMBERS = new Map(
  ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'].map((word, n) => [
    word,
    `${n}`,
  ]),
).set('none', '0');
/** The script hands a flag over as the number of replacements: no more full stops than this are removed. */
const FULL_STOPS = 32;

/**
 * VQAv2's accuracy of an answer: the mean, over each person's answer left out, of `min(n / 3, 1)` with n the others' answers that
 * are equal. Line breaks and tabs become spaces, ends are stripped. Only when the people's answers differ is more normalised:
 * punctuation, case, articles, number words, contractions.
 *
 * Source: `vqaEval.py` of GT-Vision-Lab/VQA, whose quirks are kept. A comma between digits anywhere has all punctuation removed
 * instead of made spaces, and a full stop goes unless a digit follows.
 */
export function vqaAccuracy(answer: string, answers: readonly string[]): number {
  if (answers.length === 0) return 0;
  const given = answers.map(oneLine);
  const prepare = new Set(given).size > 1 ? normalised : (text: string) => text;
  const wanted = prepare(oneLine(answer));
  const right = given.map((one) => prepare(one) === wanted);
  const all = right.filter(Boolean).length;
  const sum = right.reduce((total, own) => total + Math.min((all - (own ? 1 : 0)) / 3, 1), 0);
  return sum / answers.length;
}

const oneLine = (text: string) => strip(text.replace(/[\n\t]/g, ' '));

function normalised(text: string): string {
  const plain = withoutFullStops(withoutPunctuation(text)).toLowerCase();
  return words(plain)
    .map((word) => NUMBERS.get(word) ?? word)
    .filter((word) => !ARTICLES.includes(word))
    .map((word) => CONTRACTIONS.get(word) ?? word)
    .join(' ');
}

function withoutPunctuation(text: string): string {
  const removesAll = DIGIT_COMMA.test(text);
  return [...PUNCTUATION].reduce((left, mark) => {
    const removed = removesAll || text.includes(`${mark} `) || text.includes(` ${mark}`);
    return left.replaceAll(mark, removed ? '' : ' ');
  }, text);
}

function withoutFullStops(text: string): string {
  let removed = 0;
  return text.replace(/\.(?!\p{Nd})/gu, (stop) => (removed++ < FULL_STOPS ? '' : stop));
}
