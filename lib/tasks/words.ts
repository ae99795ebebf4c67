// Options that several tasks have.
import { invalid } from '../base/check.js';
import { show } from '../base/errors.js';
import { type Option, textList } from './option.js';

export const language = {
  schema: { type: 'string', pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$' },
  value: 'code',
  help: 'language of the answer: en, es, de, ... (default: en)',
  expected: 'a language code such as "en"',
} as const satisfies Option;

export const question = {
  schema: { type: 'string', minLength: 1 },
  value: 'text',
  help: 'the question',
  required: true,
} as const satisfies Option;

export const labels = {
  schema: { anyOf: [{ type: 'string' }, textList] },
  value: 'names',
  help: 'what to look for, with ; between several: "cat ; dog"',
  required: true,
  expected: 'a text or an array of texts',
  check: labelList,
} as const satisfies Option;

export const constrained = {
  schema: { type: 'boolean' },
  help: 'keep the answer to well-formed objects with these labels',
  default: true,
} as const satisfies Option;

/**
 * Labels one by one, from an array or from a text with `;` between them.
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT when there is none, or one that could not stand in a prompt
 */
export function labelList(given: string | string[]): string[] {
  const list = typeof given === 'string' ? given.split(';') : given;
  const trimmed = list.map((label) => label.trim()).filter((label) => label !== '');
  if (trimmed.length === 0) throw invalid('labels must name at least one thing to look for');
  const odd = trimmed.find((label) => /[;<>\n]/.test(label));
  if (odd !== undefined) throw invalid(`a label must not contain ";", "<", ">" or a line break, as ${show(odd)} does`);
  return trimmed;
}
