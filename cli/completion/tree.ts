// What can be typed, as commander knows it: the one source of every shell's script.
//
// The scripts hold it all, because asking this program at every Tab (as @bomb.sh/tab and omelette do) costs half a second of its start.
import type { Argument, Command, Option } from 'commander';

export interface Word {
  text: string;
  help: string;
}

/** What stands for a value: these words, the name of a file, or (with neither) what only the user knows. */
export interface Value {
  words: readonly string[];
  file: boolean;
}

export interface Flag {
  /** With their hyphens, the long one first. */
  names: string[];
  help: string;
  /** Of one that takes a value. */
  value?: Value;
  optional: boolean;
}

export interface Place {
  /** Names of the commands that lead here; none: the program itself. */
  path: string[];
  help: string;
  flags: Flag[];
  /** The commands that may come next. */
  commands: Place[];
  /** What may come where no command does. */
  operand?: Value;
}

export function placeOf(command: Command, path: string[] = []): Place {
  const helper = command.createHelp();
  const commands = helper.visibleCommands(command).map((one) => placeOf(one, [...path, one.name()]));
  const operand = command.registeredArguments.map(valueFor)[0];
  return {
    ...{ path, commands, help: helper.subcommandDescription(command) },
    flags: helper.visibleOptions(command).map(flagOf),
    ...(operand && { operand }),
  };
}

/** A place and all behind it. */
export const placesFrom = (place: Place): Place[] => [place, ...place.commands.flatMap(placesFrom)];

const flagOf = (option: Option): Flag => ({
  names: [option.long, option.short].filter((name) => name !== undefined) as string[],
  help: option.description,
  optional: option.optional,
  ...(option.required || option.optional ? { value: valueFor(option) } : {}),
});

/** Placeholders that stand for something on the disk, as this program's help writes them. */
const ON_DISK = /\b(file|folder|path|image|input|source|target|model|where|program)\b/;

function valueFor(of: Option | Argument): Value {
  const placeholder = 'flags' in of ? of.flags.replace(/^[^<[]*/, '') : of.name();
  return { words: of.argChoices ?? [], file: !of.argChoices && ON_DISK.test(placeholder) };
}

/** Text as a shell takes it to the letter. */
export const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
