// Flags from the descriptions of options.
import { type Command, Option as Flag } from 'commander';
import type { Option, Options } from 'node-paligemma';
import { checkOption, reasonOf } from 'node-paligemma/support';
import { collect, numeric } from './common.js';

const hyphens = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** @param how.required whether what a task cannot do without must be given. Default true */
export function addOptions(command: Command, options: Options, { required = true } = {}): Command {
  for (const [name, option] of Object.entries(options)) {
    const flag = flagOf(name, option);
    command.addOption(required && option.required ? flag.makeOptionMandatory() : flag);
  }
  return command;
}

function flagOf(name: string, option: Option): Flag {
  const { schema, help, value, flag = name, default: preset } = option;
  const type = 'type' in schema ? schema.type : 'string';
  if (type === 'boolean' && preset) return new Flag(`--no-${hyphens(flag)}`, `do not ${help}`);
  if (type === 'boolean') return new Flag(`--${hyphens(flag)}`, help);
  const described = new Flag(`--${hyphens(flag)} <${value}>`, help);
  if (type === 'integer' || type === 'number') return described.argParser(numeric);
  return type === 'array' ? described.argParser(collect) : described;
}

/**
 * What was given for options, by their names. What they cannot be ends the command as wrong usage, naming the flag.
 * @param parsed what commander made of the command line
 */
export function givenOptions(command: Command, options: Options, parsed: object): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    const value = (parsed as Record<string, unknown>)[option.flag ?? name];
    if (value === undefined || value === option.default) continue;
    try {
      given[name] = checkOption(`--${hyphens(option.flag ?? name)}`, option, value);
    } catch (error) {
      command.error(`error: ${reasonOf(error)}`, { exitCode: 2 });
    }
  }
  return given;
}
