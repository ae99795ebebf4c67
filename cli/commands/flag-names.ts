// The library words its errors for programs: maxTokens, quantization: 'q8_0'. Here the same things are flags.
import type { Command, Option } from 'commander';

let spoken: readonly Option[] = [];

/** From now on the options of this command are meant: a process runs one. */
export function speakOf(command: Command): void {
  spoken = command.options;
}

/** A message of the library in the words of the command line. What it quotes of the user stays. */
export const inFlags = (message: string, options: readonly Option[] = spoken): string =>
  message
    .replace(/\b(option) "(\w+)"/g, '$1 $2')
    .split(/("(?:[^"\\]|\\.)*")/)
    .map((part, i) => (i % 2 === 0 ? options.reduce(withFlag, part) : part))
    .join('');

/** Where a word that could be any other is the name of an option. */
const PLACES = ['^', ...['option', 'leave out', 'give', 'nor', 'neither'].map((word) => String.raw`\b${word} `)];

function withFlag(message: string, option: Option): string {
  const { long, negate } = option;
  if (!long || negate) return message;
  const name = option.attributeName();
  // A name with a capital inside is no other word.
  const before = /[A-Z]/.test(name) ? String.raw`(?<![\w./\\-])` : `(?<=${PLACES.join('|')})`;
  return message
    .replace(new RegExp(String.raw`\b${name}: '([^']*)'`, 'g'), `${long} $1`)
    .replace(new RegExp(String.raw`${before}(?:imageAccess\.)?${name}(?![\w/\\-]|\.\w)`, 'g'), long);
}
