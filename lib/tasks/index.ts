// All tasks, a line each. Without a task, the first one that a given option implies is meant; see `impliedBy`.
import { oneOf } from '../base/check.js';
import { answer } from './answer.js';
import { caption } from './caption.js';
import { choose } from './choose.js';
import { detect } from './detect.js';
import { generate } from './generate.js';
import type { Options, OptionsOf } from './option.js';
import { read } from './read.js';
import { segment } from './segment.js';
import type { Task } from './task.js';

export const tasks = {
  caption,
  generate,
  choose,
  answer,
  read,
  detect,
  segment,
};

export type Tasks = typeof tasks;
export type TaskName = keyof Tasks;
export type TaskResult<N extends TaskName> = Awaited<ReturnType<Tasks[N]['result']>>;
/** What a task asks for. */
export type OwnOptions<N extends TaskName> = OptionsOf<Tasks[N]['options']>;

/** `caption`, `generate`, ... in the order of help. */
export const TASK_NAMES = Object.keys(tasks) as TaskName[];

/** The tasks without the types of their options. */
export const allTasks = Object.values(tasks) as unknown as readonly Task[];

/** The fields that the results of tasks are as JSON, one of them a task: `text`, `choice`, `objects`. */
export const ANSWER_FIELDS = [...new Set(allTasks.map(({ json }) => json.field))];

/** The options of all tasks by their names. Those of one name mean the same in every task. */
export const allOptions: Options = Object.assign({}, ...allTasks.map(({ options }) => options));

/** A task by its name. @throws PaliGemmaError ERR_INVALID_ARGUMENT for a name that none has */
export const taskOf = (name: string): Task => allTasks[TASK_NAMES.indexOf(oneOf('task', name, TASK_NAMES))] as Task;
