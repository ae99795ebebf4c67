// Errors on the command line name flags, whatever the library calls them.
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type Command, CommanderError, type Option } from 'commander';
import { fail, numeric } from '../cli/commands/common.js';
import { inFlags } from '../cli/commands/flag-names.js';
import { paligemma } from '../cli/commands/program.js';
import { PICTURE, scratch } from './helpers/fixtures.js';

const leaves = (command: Command): Command[] =>
  command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
const commands = leaves(paligemma());

let said: string;
beforeEach(() => {
  said = '';
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += text;
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
  process.exitCode = undefined;
});

/** What a command says on standard error, run in this process. */
async function saidBy(args: string[]): Promise<string> {
  try {
    await paligemma().parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) fail(error);
  }
  process.exitCode = undefined;
  return said;
}

/** The names that lead to a command. */
const pathOf = (command: Command): string[] => (command.parent ? [...pathOf(command.parent), command.name()] : []);

/** What a command cannot do without, and a model where it has one: nothing else is to be wrong. */
function complete(command: Command): string[] {
  const valued = (option: Option) => (option.long === '--output' ? path.join(scratch('said'), 'out.jsonl') : 'x');
  return [
    ...pathOf(command),
    ...command.registeredArguments
      .filter(({ required }) => required)
      .map(({ argChoices }) => argChoices?.[0] ?? PICTURE),
    // Twice: of what may be given several times there must be two.
    ...command.options
      .filter(({ mandatory }) => mandatory)
      .flatMap((one) => [1, 2].flatMap(() => [one.long, valued(one)])),
    ...(command.options.some(({ long }) => long === '--model') ? ['--model', 'embedded'] : []),
  ] as string[];
}

const wrong = commands.flatMap((command) =>
  command.options
    .filter(({ parseArg }) => (parseArg as unknown) === numeric)
    .map((option): [string, string, string[]] => [
      command.name(),
      option.long as string,
      [...complete(command), option.long as string, '-1000000000'],
    ]),
);

test('there are numbers to get wrong', () => {
  expect(wrong.length).toBeGreaterThan(80);
});

test.each(wrong)('%s %s', async (_, flag, args) => {
  const text = await saidBy(args);
  expect(text).toContain(`${flag} `);
  expect(text).not.toMatch(/(?<!\w)[a-z]+[A-Z]\w*/); // a name of the library
});

const sources = (name: string) =>
  (commands.find((command) => command.name() === name) as Command).options.filter(({ long }) =>
    /^--(adapter|cache-dir|device|mask-decoder|revision|tokenizer)$/.test(long ?? ''),
  );
test.each(
  ['caption', 'download'].flatMap((name) => sources(name).map(({ long }): [string, string] => [name, long as string])),
)('%s %s without its text', async (name, flag) => {
  expect(await saidBy([name, PICTURE, flag, ''])).toMatch(new RegExp(`: ERR_INVALID_ARGUMENT: ${flag} must `));
});

describe('in what the library says', () => {
  const options = commands.flatMap((command) =>
    command.options.map((option): [string, Option] => [command.name(), option]),
  );

  test('every option is named as a flag, where it is one beyond doubt', () => {
    for (const [, option] of options) {
      const name = option.attributeName();
      if (option.negate || !option.long) continue;
      expect(inFlags(`${name} must be "${name}"`, [option])).toBe(`${option.long} must be "${name}"`);
      expect(inFlags(`x, or leave out ${name}`, [option])).toBe(`x, or leave out ${option.long}`);
      expect(inFlags(`the option "${name}" says`, [option])).toBe(`the option ${option.long} says`);
      expect(inFlags(`load it with ${name}: 'x'`, [option])).toBe(`load it with ${option.long} x`);
    }
  });

  test('other words stay', () => {
    const all = options.map(([, option]) => option);
    for (const text of [
      'the prompt is too long: shorten the prompt',
      'no such model: x',
      '/data/maxTokens.d and --max-tokens',
      'it has text f16, vision f16, start to end',
    ])
      expect(inFlags(text, all)).toBe(text);
    expect(inFlags('give fewer images, numBeams or maxTokens', all)).toBe(
      'give fewer images, --num-beams or --max-tokens',
    );
    expect(inFlags('this is offline (localFilesOnly is set)', all)).toBe('this is offline (--local-files-only is set)');
  });
});
