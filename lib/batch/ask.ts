// What one item asks, and what becomes of its answer.

import { PaliGemmaError, reasonOf } from '../base/errors.js';
import { isGivenUp } from '../engine/isolated/isolated-engine.js';
import { generateRequest } from '../engine/options.js';
import { caption } from '../tasks/caption.js';
import { generate } from '../tasks/generate.js';
import { ANSWER_FIELDS, allOptions, allTasks, taskOf } from '../tasks/index.js';
import { checkOptions, type Options } from '../tasks/option.js';
import { sampling } from '../tasks/sampling.js';
import type { Task } from '../tasks/task.js';
import type { Timings } from '../types.js';
import {
  type BatchError,
  type BatchItem,
  type BatchQuestion,
  type BatchRequest,
  type BatchResult,
  imagePath,
  isUnusable,
  itemId,
  type Outcome,
  type Unusable,
} from './item.js';

/** What an item asks: its own words first, the batch's where it has none. */
export interface Question {
  task: Task;
  /** Of the task and of how tokens are chosen; not checked. */
  options: Record<string, unknown>;
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT for a task that there is not */
export function questionOf(item: BatchQuestion, request: BatchRequest): Question {
  const own = item.task ?? (item.prompt === undefined ? undefined : generate.name);
  const task = taskOf(own ?? request.task ?? impliedTask(request) ?? impliedTask(item) ?? caption.name);
  const asked = Object.fromEntries(
    Object.keys(task.options).map((name) => [name, item[name] ?? request[name as keyof BatchRequest]]),
  );
  return { task, options: { ...pick(request, Object.keys(task.sampling)), ...asked } };
}

/** What an item asks by itself, without what else is known of it. */
export const ownQuestion = (item: BatchQuestion): BatchQuestion => pick(item, ['task', ...Object.keys(allOptions)]);

function impliedTask(given: BatchQuestion): string | undefined {
  return allTasks.find(({ impliedBy }) => impliedBy !== undefined && given[impliedBy] !== undefined)?.name;
}

/** Whether a request is sound as far as that can be told without an item. @throws PaliGemmaError ERR_INVALID_ARGUMENT */
export function checkRequest(request: BatchRequest): void {
  if (request.task !== undefined) taskOf(request.task);
  const optional = Object.entries(allOptions).map(([name, { required: _, ...option }]) => [name, option]);
  checkOptions(Object.fromEntries(optional) as Options, request, 'the batch');
  generateRequest({ ...pick(request, Object.keys(sampling)), prompt: '' });
}

const pick = (given: object, names: string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, (given as Record<string, unknown>)[name]]));

/** An item that was not begun when the batch was stopped, and is left for another time. */
export class Withdrawn extends Error {}

/** Names that fields of a result have; an item's fields of these names go under `input`. */
const RESULT_FIELDS: ReadonlySet<string> = new Set([
  ...['index', 'finishReason', 'error', 'timings', 'input'],
  ...ANSWER_FIELDS,
]);

/**
 * The answer with what is known of the item, or the error as a part of the result: a bad picture does not end a batch.
 * @throws the signal's reason when aborted, ERR_DISPOSED, Withdrawn
 */
export async function resultOf(
  entry: BatchItem | Unusable,
  index: number,
  answer: (item: BatchItem) => Promise<Outcome>,
  signal: AbortSignal,
): Promise<BatchResult> {
  const id = itemId(entry, index);
  if (isUnusable(entry)) return { id, index, error: describe(entry.error) };
  const known = { ...fieldsOf(entry), id, index };
  try {
    return { ...known, ...partsOf(await answer(entry)) } as BatchResult;
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof Withdrawn || isGivenUp(error)) throw error;
    if (error instanceof PaliGemmaError && error.code === 'ERR_DISPOSED') throw error;
    return { ...known, error: describe(error) };
  }
}

/** An outcome names neither the item nor its place: what else it may hold stays out of the result. */
function partsOf(outcome: Outcome): object {
  if (outcome.error) return { error: outcome.error };
  return pick(
    outcome,
    Object.keys(outcome).filter((name) => name !== 'input' && name !== 'index' && RESULT_FIELDS.has(name)),
  );
}

function fieldsOf(item: BatchItem): Record<string, unknown> {
  const path = imagePath(item);
  const fields: Record<string, unknown> = { id: undefined };
  const input: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(item))
    if (name === 'input' && typeof value === 'object') Object.assign(input, value);
    else if (name !== 'image') (RESULT_FIELDS.has(name) ? input : fields)[name] = value;
  if (path !== undefined) fields.image = path;
  return Object.keys(input).length > 0 ? { ...fields, input } : fields;
}

/** Times to hundredths of a millisecond, which is as exact as they are. */
export const rounded = (timings: Timings): Timings =>
  Object.fromEntries(
    Object.entries(timings).map(([name, ms]) => [name, Math.round(ms * 100) / 100]),
  ) as unknown as Timings;

/** An error as results and queues carry it. What is none of this library's has the code ERR_UNKNOWN. */
export const describe = (error: unknown): BatchError => ({
  code: error instanceof PaliGemmaError ? error.code : 'ERR_UNKNOWN',
  message: reasonOf(error),
});
