#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../package-root.js';
import { captionCommand } from './caption.js';
import { fail } from './common.js';
import { convertCommand } from './convert.js';
import { generateCommand } from './generate.js';
import { infoCommand } from './info.js';

const program = new Command('paligemma')
  .description('PaliGemma on your own machine: captions, questions, reading, detection - without Python')
  .version(packageVersion())
  .exitOverride()
  .showHelpAfterError('(paligemma --help shows the commands)');
for (const command of [captionCommand(), generateCommand(), convertCommand(), infoCommand()])
  program.addCommand(command.exitOverride().copyInheritedSettings(program));

try {
  await program.parseAsync();
} catch (error) {
  // Commander has already printed help or what is wrong with the usage.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else fail(error);
}
