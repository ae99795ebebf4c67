import { type Flag, type Place, placesFrom, quoted, type Value } from './tree.js';

export const zshScript = (program: string, root: Place): string => `#compdef ${program}
# ${program} in zsh. Put into ~/.zshrc, after compinit: eval "$(${program} completion zsh)"
${placesFrom(root)
  .map((place) => functionOf(program, place))
  .join('\n')}
# As a file of $fpath this is the body of the function itself.
if [ "$funcstack[1]" = "_${program}" ]; then _${program} "$@"; else compdef _${program} ${program}; fi
`;

const nameOf = (program: string, path: string[]): string => ['', program, ...path].join('_');

function functionOf(program: string, { path, flags, commands, operand }: Place): string {
  const options = flags.flatMap(argumentsOf).concat(commands.length > 0 ? [] : [quoted(`*:value:${action(operand)}`)]);
  const list = options.map((one) => `    ${one}`).join(' \\\n');
  const body =
    commands.length === 0
      ? `  _arguments -s \\\n${list}`
      : `  if (( CURRENT > 2 )); then
    shift words
    (( CURRENT-- ))
    case "$words[1]" in
${commands.map(({ path }) => `      ${path.at(-1)}) ${nameOf(program, path)} ;;`).join('\n')}
    esac
    return
  fi
  local -a commands=(
${commands.map(({ path, help }) => `    ${quoted(`${path.at(-1)}:${help}`)}`).join('\n')}
  )
  _describe -t commands command commands
  _arguments \\
${list}`;
  return `${nameOf(program, path)}() {\n${body}\n}`;
}

/** \`--flag[help]:value:action\`, in which brackets and colons of the help are escaped. */
function argumentsOf({ names, help, value, optional }: Flag): string[] {
  const about = `[${help.replace(/[\\[\]:]/g, '\\$&')}]`;
  const takes = value ? `${optional ? '::' : ':'}value:${action(value)}` : '';
  return names.map((name) => quoted(`*${name}${about}${takes}`));
}

const action = (value: Value | undefined): string =>
  value && value.words.length > 0 ? `(${value.words.join(' ')})` : value?.file ? '_files' : ' ';
