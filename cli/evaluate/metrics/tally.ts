const WORDS =
  `zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
  eighteen nineteen twenty`.split(/\s+/);
const NUMERALS = new Map(WORDS.map((word, n) => [word, `${n}`])).set('none', '0');

/**
 * A number word up to twenty, in any case, as a numeral; `none` is 0; any other text as it is. TallyQA's answer is right when its
 * numeral equals the target's.
 *
 * Source: big_vision's `transfers/tallyqa.py`.
 */
export function numeral(text: string): string {
  return NUMERALS.get(text.toLowerCase()) ?? text;
}
