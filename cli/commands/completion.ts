import { Argument, Command } from 'commander';
import { bashScript } from '../completion/bash.js';
import { fishScript } from '../completion/fish.js';
import { placeOf } from '../completion/tree.js';
import { zshScript } from '../completion/zsh.js';
import { print } from './common.js';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

export function completionCommand(): Command {
  return new Command('completion')
    .description('print a script that completes commands and options at Tab')
    .addArgument(new Argument('<shell>', 'which to complete in').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', '\nThe first line of the script says where to put it.')
    .action((shell: keyof typeof SCRIPTS, _, { parent }: Command) =>
      print(SCRIPTS[shell]((parent as Command).name(), placeOf(parent as Command)).trimEnd()),
    );
}
