// `paligemma completion`: what the shells themselves make of its scripts.
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { paligemma as program } from '../cli/commands/program.js';
import { type Flag, type Place, placeOf, placesFrom } from '../cli/completion/tree.js';
import { paligemma } from './helpers/command.js';

const script = async (shell: string): Promise<string> => {
  const { status, out, err } = await paligemma('completion', shell);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return out;
};
const installed = (shell: string): boolean => spawnSync(shell, ['--version']).error === undefined;
const run = (shell: string, code: string): string => {
  const { stdout, stderr } = spawnSync(shell, ['-c', code], { encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout;
};

const places = placesFrom(placeOf(program()));
const at = (...path: string[]): Place => places.find((place) => place.path.join() === path.join()) as Place;
const names = (place: Place): string[] => place.flags.flatMap((flag) => flag.names).sort();
const withWords = places.flatMap((place) =>
  place.flags
    .filter(({ value, optional }) => value && value.words.length > 0 && !optional)
    .map((flag): [Place, Flag] => [place, flag]),
);

test('what can be typed comes from the commands themselves', () => {
  expect(at().commands.map(({ path }) => path[0])).toEqual(
    expect.arrayContaining(['caption', 'segment', 'batch', 'cache', 'completion']),
  );
  expect(names(at('caption'))).toEqual(expect.arrayContaining(['--model', '--max-tokens', '--help', '-h']));
  expect(at('cache').commands.map(({ path }) => path[1])).toEqual(['list', 'remove', 'path', 'help']);
  expect(withWords.length).toBeGreaterThan(20);
});

describe('in bash', () => {
  /** What Tab offers after each of these lines, whose last word is being typed. */
  const complete = async (...lines: string[][]): Promise<string[][]> => {
    const asked = lines.map((line) => {
      const words = ['paligemma', ...line].map((word) => `'${word}'`).join(' ');
      return `COMP_WORDS=(${words}); COMP_CWORD=${line.length}; _paligemma; echo "\${COMPREPLY[*]}"`;
    });
    const out = run('bash', `set -u\n${await script('bash')}\n${asked.join('\n')}`);
    return out.split('\n', lines.length).map((line) => line.split(' ').filter(Boolean));
  };

  test('Tab completes commands, flags and values of every command', async () => {
    const offered = await complete(
      [''],
      ['cap'],
      ['cache', ''],
      ['cache', 'r'],
      ['schema', 'de'],
      ['caption', '--max'],
      ['caption', '--quantization', 'q4'],
      ['caption', '--quantization', '=', 'q4'],
      ['caption', '--json', '--device', 'cu'],
    );
    expect(offered).toEqual([
      at().commands.map(({ path }) => path[0]),
      ['caption'],
      ['list', 'remove', 'path', 'help'],
      ['remove'],
      ['detect'],
      ['--max-sequences', '--max-tokens'],
      ['q4_k_m', 'q4_0'],
      ['q4_k_m', 'q4_0'],
      ['cuda'],
    ]);
    const flags = await complete(...places.map(({ path }) => [...path, '-']));
    expect(flags.map((some) => some.sort())).toEqual(places.map(names));
    const values = await complete(...withWords.map(([{ path }, { names }]) => [...path, names[0] as string, '']));
    expect(values).toEqual(withWords.map(([, { value }]) => value?.words));
  });

  test('it leaves to the shell where files may be named', async () => {
    expect(
      await complete(['caption', ''], ['caption', '--model', ''], ['caption', '--model', '-'], ['batch', 'a', '']),
    ).toEqual([[], [], [], []]);
  });
});

describe('in zsh', () => {
  test('there is a function for every command, with its flags and values', async () => {
    const text = await script('zsh');
    for (const { path, flags } of places) {
      const [, body = ''] = text.split(`\n${['', 'paligemma', ...path].join('_')}() {\n`);
      const own = body.slice(0, body.indexOf('\n}\n'));
      for (const { names, value } of flags) {
        for (const name of names) expect(own).toContain(`'*${name}[`);
        if (value && value.words.length > 0) expect(own).toContain(`(${value.words.join(' ')})'`);
      }
    }
    if (installed('zsh')) run('zsh', `setopt no_exec\n${text}`);
  });
});

describe('in fish', () => {
  test('there is a rule for every command, flag and value', async () => {
    const text = await script('fish');
    const rules = text.split('\n').filter((line) => line.startsWith('complete -c paligemma -n '));
    expect(rules.length).toBe(
      places.reduce(
        (sum, { flags, commands, operand }) =>
          sum + flags.length + commands.length + (operand && !operand.file ? 1 : 0),
        0,
      ),
    );
    if (!installed('fish')) return;
    const offered = (line: string) =>
      run('fish', `${text}\ncomplete -C '${line}'`)
        .split('\n')
        .map((one) => one.split('\t')[0]);
    expect(offered('paligemma cap')).toEqual(['caption', '']);
    expect(offered('paligemma cache re')).toEqual(['remove', '']);
    expect(offered('paligemma caption --max')).toEqual(['--max-sequences', '--max-tokens', '']);
    expect(offered('paligemma caption --quantization q4')).toEqual(['q4_0', 'q4_k_m', '']);
    expect(offered('paligemma schema de')).toEqual(['detect', '']);
  });
});

test('of another shell is wrong usage', async () => {
  expect(await paligemma('completion', 'tcsh')).toMatchObject({ status: 2, err: expect.stringMatching(/bash, zsh/) });
});
