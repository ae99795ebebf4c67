import { type Flag, type Place, placesFrom, type Value } from './tree.js';

/** The first line of every rule is the program; `-n` says where the rule is for. */
export const fishScript = (
  program: string,
  root: Place,
): string => `# ${program} in fish: ${program} completion fish > ~/.config/fish/completions/${program}.fish
# Whether the words before are the program and these commands: with nothing after them, or with anything.
function __${program}_at
    set -l words (commandline -opc)
    test "$words[2..]" = "$argv"
end
function __${program}_in
    set -l words (commandline -opc)
    string match -q -- "$argv *" "$words[2..] "
end
${placesFrom(root)
  .flatMap((place) => rulesOf(program, place))
  .join('\n')}
`;

function rulesOf(program: string, { path, flags, commands, operand }: Place): string[] {
  const place = path.join(' ');
  const rule = (where: string, rest: string) => `complete -c ${program} -n ${quoted(where)} ${rest}`;
  const at = `__${program}_at ${place}`.trim();
  const within = commands.length > 0 ? at : `__${program}_in ${place}`;
  return [
    ...commands.map(({ path, help }) => rule(at, `-f -a ${path.at(-1)} -d ${quoted(help)}`)),
    ...(operand && !operand.file ? [rule(within, `-f ${words(operand)}`.trim())] : []),
    ...flags.map((flag) => rule(within, spelled(flag))),
  ];
}

function spelled({ names, help, value, optional }: Flag): string {
  const spellings = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  const takes = !value || optional ? '' : value.file ? '-r -F' : `-x ${words(value)}`;
  return [...spellings, takes.trim(), `-d ${quoted(help)}`].filter(Boolean).join(' ');
}

const words = (value: Value): string => (value.words.length > 0 ? `-a ${quoted(value.words.join(' '))}` : '');

/** In fish a backslash escapes within quotes. */
const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
