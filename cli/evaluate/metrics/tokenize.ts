import { RULES, type Rule } from './ptb/rules.js';

/** What caption evaluations leave out after tokenisation. The names of brackets are lower case by then, and stay. */
const REMOVED = new Set(["''", "'", '``', '`', '.', '?', '!', ',', ':', '-', '--', '...', ';']);
const HALVES = 0xd800;
const HALVES_BECOME = 0xe800;
/** Most of a caption: small words between spaces, of which the rules make nothing else. */
const SIMPLE = /[a-z]+(?= )/y;
const DIVIDED = new Set(['cannot', 'gonna', 'gotta', 'lemme', 'gimme', 'wanna']);

/**
 * The words of a caption as caption evaluations have them: Penn Treebank tokenisation, lower case, without punctuation.
 *
 * Source: coco-caption's `ptbtokenizer.py`, which calls Stanford's PTBTokenizer 3.4.1 with `-lowerCase`. The caption stands by
 * itself on a line.
 */
export function tokenizeCaption(text: string): string[] {
  return tokenizeLines([text])[0] as string[];
}

/**
 * Captions as lines of one text, as the evaluations tokenise them: whether the full stop of `plan B.` is the letter's depends on
 * how the next line begins.
 */
export function tokenizeLines(captions: readonly string[]): string[][] {
  const lines = captions.map((caption) => `${halved(caption).replaceAll('\n', ' ')}\n`);
  return lines.map((line, i) => tokenize(line, lines[i + 1] ?? ''));
}

function tokenize(line: string, next: string): string[] {
  const text = line + next;
  const tokens: string[] = [];
  for (let at = 0; at < line.length; ) {
    SIMPLE.lastIndex = at;
    const simple = SIMPLE.exec(text)?.[0];
    if (simple !== undefined && !DIVIDED.has(simple)) {
      tokens.push(simple);
      at += simple.length + 1;
      continue;
    }
    const found = longest(text, at);
    if (found?.rule.as) tokens.push(joined(found.rule.as(found.text)).toLowerCase());
    at += found ? found.rule.take(found.text) : 1;
  }
  return tokens.filter((token) => !REMOVED.has(token));
}

/**
 * The tokenizer knows UTF-16's units alone: halves of a pair are characters that are no letters. Expressions here know none, so
 * that halves are moved into the area of private use.
 */
const halved = (text: string): string =>
  text.replace(/[\u{10000}-\u{10ffff}]/gu, (pair) => moved(pair, HALVES_BECOME - HALVES));
const joined = (text: string): string =>
  text.replace(/[\ue800-\uefff]+/g, (halves) => moved(halves, HALVES - HALVES_BECOME));
const moved = (text: string, by: number): string =>
  text.split('').reduce((all, unit) => all + String.fromCharCode(unit.charCodeAt(0) + by), '');

/** The rule that takes most, with what must follow; null for a character that none knows, which is left out. */
function longest(text: string, at: number): { rule: Rule; text: string } | null {
  let best: { rule: Rule; text: string } | null = null;
  let most = 0;
  for (const rule of RULES) {
    rule.pattern.lastIndex = at;
    const match = rule.pattern.exec(text);
    if (!match) continue;
    const length = match[0].length + (match.groups?.ahead?.length ?? 0);
    if (length > most) [most, best] = [length, { rule, text: match[0] }];
  }
  return best;
}
