import { Argument, Command } from 'commander';
import { taskSchema } from 'node-paligemma';
import { TASK_NAMES, taskOf } from 'node-paligemma/support';
import { print } from './common.js';

export function schemaCommand(): Command {
  return new Command('schema')
    .description('print the JSON Schemas of a task: its options, and what --json and batch give')
    .addArgument(new Argument('<task>', 'the name of a task').choices(TASK_NAMES))
    .action((task: string) => print(JSON.stringify(taskSchema(taskOf(task)), null, 2)));
}
