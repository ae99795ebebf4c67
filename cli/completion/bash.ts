import { type Place, placesFrom, quoted } from './tree.js';

/** Runs in the bash of macOS (3.2) too: no associative arrays, no mapfile. */
export function bashScript(program: string, root: Place): string {
  const places = placesFrom(root);
  const paths = places.slice(1).map(({ path }) => quoted(path.join(' ')));
  return `# ${program} in bash. Put into ~/.bashrc: eval "$(${program} completion bash)"
_${program}() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" place='' next i
  local flags='' words='' values='' valued=''
  # bash parts --flag=value at the =
  if [ "$word" = '=' ]; then word=''
  elif [ "$before" = '=' ]; then before="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${place:+$place }\${COMP_WORDS[i]}"
    case "$next" in
      ${paths.join('|')}) place="$next" ;;
      *) break ;;
    esac
  done
  case "$place" in
${places.map(caseOf).join('\n')}
  esac
  # Without an answer bash offers files.
  COMPREPLY=()
  if [ -n "$valued" ]; then words="$values"
  elif [ "\${word#-}" != "$word" ]; then words="$flags"
  fi
  [ -n "$words" ] && COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o bashdefault -o default -F _${program} ${program}
`;
}

function caseOf({ path, flags, commands, operand }: Place): string {
  const words = commands.length > 0 ? commands.map((one) => one.path.at(-1)) : (operand?.words ?? []);
  const taking = new Map<string, string[]>();
  for (const { names, value, optional } of flags) {
    if (!value || optional) continue;
    const values = value.words.join(' ');
    taking.set(values, [...(taking.get(values) ?? []), ...names]);
  }
  const lines = [...taking].map(
    ([values, names]) => `        ${names.join('|')}) valued=yes values=${quoted(values)} ;;`,
  );
  return [
    `    ${quoted(path.join(' '))})`,
    `      flags=${quoted(flags.flatMap(({ names }) => names).join(' '))}`,
    `      words=${quoted(words.join(' '))}`,
    ...(lines.length > 0 ? ['      case "$before" in', ...lines, '      esac'] : []),
    '      ;;',
  ].join('\n');
}
