import { Argument, Command } from 'commander';
import { TASK_NAMES, taskOf } from '../tasks/index.js';
import { taskSchema } from '../tasks/schema.js';
import { print } from './common.js';

export function schemaCommand(): Command {
  return new Command('schema')
    .description('print the JSON Schemas of a task: its options, and what --json and batch give')
    .addArgument(new Argument('<task>', 'the name of a task').choices(TASK_NAMES))
    .action((task: string) => print(JSON.stringify(taskSchema(taskOf(task)), null, 2)));
}
