// All commands.
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { allTasks } from 'node-paligemma/support';
import { batchCommand } from './batch.js';
import { benchCommand } from './bench.js';
import { cacheCommand } from './cache.js';
import { completionCommand } from './completion.js';
import { convertCommand } from './convert.js';
import { doctorCommand } from './doctor.js';
import { downloadCommand } from './download.js';
import { evaluateCommand } from './evaluate.js';
import { speakOf } from './flag-names.js';
import { infoCommand } from './info.js';
import { schemaCommand } from './schema.js';
import { scoreCommand } from './score.js';
import { serveCommand } from './serve.js';
import { taskCommand } from './task-command.js';
import { videoCommand } from './video.js';
import { workerCommand } from './worker.js';

/** Of this package, which is the same way off from the sources as from what is built of them. */
const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** As help shows them. */
const groups = () => ({
  'Ask about images:': [...allTasks.map(taskCommand), videoCommand(), scoreCommand()],
  'Ask about many images:': [batchCommand(), workerCommand()],
  'Find out how good a model is:': [evaluateCommand()],
  'Ask over HTTP, and see:': [serveCommand()],
  'Models:': [downloadCommand(), convertCommand(), cacheCommand(), infoCommand()],
  'About this program:': [doctorCommand(), benchCommand(), schemaCommand(), completionCommand()],
});

/** Made anew for each caller: a command keeps what was parsed. */
export function paligemma(): Command {
  const program = new Command('paligemma')
    .description('PaliGemma on your own machine: captions, questions, reading, detection - without Python')
    .version(version)
    .exitOverride()
    .enablePositionalOptions() // options of a command are not those of the ones in it
    .hook('preAction', (_, command) => speakOf(command))
    .showHelpAfterError('(paligemma --help shows the commands)');
  for (const [title, commands] of Object.entries(groups()))
    for (const command of commands)
      program.addCommand(command.helpGroup(title).exitOverride().copyInheritedSettings(program));
  return program;
}
