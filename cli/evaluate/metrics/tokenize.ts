import { RULES, type Rule } from './ptb/rules.js';

/** What caption evaluations leave out after tokenisation. The names of brackets are lower case by then, and stay. */
const REMOVED = new Set(["''", "'", '``', '`', '.', '?', '!', ',', ':', '-', '--', '...', ';']);
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
  const line = `${text.replaceAll('\n', ' ')}\n`;
  const tokens: string[] = [];
  for (let at = 0; at < line.length; ) {
    SIMPLE.lastIndex = at;
    const simple = SIMPLE.exec(line)?.[0];
    if (simple !== undefined && !DIVIDED.has(simple)) {
      tokens.push(simple);
      at += simple.length + 1;
      continue;
    }
    const found = longest(line, at);
    if (found?.rule.as) tokens.push(found.rule.as(found.text).toLowerCase());
    at += found ? found.rule.take(found.text) : String.fromCodePoint(line.codePointAt(at) as number).length;
  }
  return tokens.filter((token) => !REMOVED.has(token));
}

/** The rule that takes most, with what must follow; null for a character that none knows, which is left out. */
function longest(line: string, at: number): { rule: Rule; text: string } | null {
  let best: { rule: Rule; text: string } | null = null;
  let most = 0;
  for (const rule of RULES) {
    rule.pattern.lastIndex = at;
    const match = rule.pattern.exec(line);
    if (!match) continue;
    const length = match[0].length + (match.groups?.ahead?.length ?? 0);
    if (length > most) [most, best] = [length, { rule, text: match[0] }];
  }
  return best;
}
