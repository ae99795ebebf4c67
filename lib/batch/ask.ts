// What one item asks, and what becomes of its answer.
import { invalid } from '../check.js';
import { isGivenUp } from '../engine/isolated/isolated-engine.js';
import { PaliGemmaError, reasonOf } from '../errors.js';
import { captionLanguage, generateRequest, labelList } from '../options.js';
import { answerPrompt } from '../tasks/answer.js';
import { captionPrompt } from '../tasks/caption.js';
import { readPrompt } from '../tasks/read.js';
import {
  BATCH_TASKS,
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

/** A text is asked for by a prompt; objects by labels. */
export type Asked =
  | { kind: 'text'; prompt: string; locations: boolean }
  | { kind: 'objects'; labels: string | string[]; segment: boolean };

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT when something is missing that the task needs */
export function askedOf(item: BatchQuestion, request: BatchQuestion): Asked {
  const { prompt = request.prompt, question = request.question, labels = request.labels } = item;
  const language = captionLanguage({ language: item.language ?? request.language });
  const own = item.task ?? (item.prompt === undefined ? undefined : 'generate');
  const task = own ?? request.task ?? impliedTask(request) ?? impliedTask(item) ?? 'caption';
  switch (task) {
    case 'caption':
      return { kind: 'text', prompt: captionPrompt(language), locations: false };
    case 'read':
      return { kind: 'text', prompt: readPrompt(), locations: false };
    case 'answer':
      return { kind: 'text', prompt: answerPrompt(language, needed(task, 'question', question)), locations: false };
    case 'generate':
      return { kind: 'text', prompt: needed(task, 'prompt', prompt), locations: true };
    case 'detect':
    case 'segment':
      return { kind: 'objects', labels: needed(task, 'labels', labels), segment: task === 'segment' };
    default:
      throw invalid(`task must be one of ${BATCH_TASKS.join(', ')}, not ${task satisfies never}`);
  }
}

const impliedTask = ({ prompt, question, labels }: BatchQuestion) =>
  prompt !== undefined ? 'generate' : question !== undefined ? 'answer' : labels !== undefined ? 'detect' : undefined;

function needed<T extends string | string[]>(task: string, name: string, value: T | undefined): T {
  if (value === undefined) throw invalid(`the task ${task} needs ${name}`);
  if (typeof value !== 'string' && !Array.isArray(value)) throw invalid(`${name} must be a text`);
  return value;
}

/** Whether a request is sound as far as that can be told without an item. @throws PaliGemmaError ERR_INVALID_ARGUMENT */
export function checkRequest({ task, prompt, question, labels, language, ...sampling }: BatchRequest): void {
  if (task !== undefined && !BATCH_TASKS.includes(task)) askedOf({ task }, {});
  for (const [name, value] of Object.entries({ prompt, question }))
    if (value !== undefined && typeof value !== 'string') throw invalid(`${name} must be a text`);
  if (labels !== undefined) labelList(labels);
  captionLanguage({ language });
  generateRequest({ ...sampling, prompt: '' });
}

/** An item that was not begun when the batch was stopped, and is left for another time. */
export class Withdrawn extends Error {}

/** Names that fields of a result have; an item's fields of these names go under `input`. */
const RESULT_FIELDS: ReadonlySet<string> = new Set(['index', 'text', 'objects', 'error', 'timings', 'input']);

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
    return { ...known, ...partsOf(await answer(entry)) };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof Withdrawn || isGivenUp(error)) throw error;
    if (error instanceof PaliGemmaError && error.code === 'ERR_DISPOSED') throw error;
    return { ...known, error: describe(error) };
  }
}

/** An outcome names neither the item nor its place: what else it may hold stays out of the result. */
function partsOf(outcome: Outcome): Partial<BatchResult> {
  if ('error' in outcome) return { error: outcome.error };
  const { text, objects, timings } = outcome;
  return { ...(text === undefined ? { objects } : { text }), timings };
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

export const describe = (error: unknown): BatchError => ({
  code: error instanceof PaliGemmaError ? error.code : 'ERR_UNKNOWN',
  message: reasonOf(error),
});
