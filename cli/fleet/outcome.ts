// What comes back through Redis, where whoever can write to it may have written it: only what an outcome has, of its types and
// within its sizes, goes on to the results.

import type { BatchAnswer, BatchError, RunLength, Timings } from 'node-paligemma';
import { ERROR_CODES, MAX_SIDE, type Outcome, show } from 'node-paligemma/support';

/** Characters of all texts of an outcome, and objects in it: far more than a model says, far less than hurts. */
export const MAX_TEXT = 16 << 20;
export const MAX_OBJECTS = 10_000;

const TIMINGS: readonly (keyof Timings)[] = ['image', 'queue', 'vision', 'prefill', 'decode', 'total'];
const BOX = ['xmin', 'ymin', 'xmax', 'ymax'] as const;
const CODES: ReadonlySet<unknown> = new Set([...ERROR_CODES, 'ERR_UNKNOWN']);

class Malformed extends Error {}

/** The outcome that a value is, without what an outcome does not have; one that is none becomes the item's error. */
export function outcomeOf(value: unknown): Outcome {
  try {
    const fields = record('it', value);
    return fields.error === undefined ? answer(fields) : { error: error(fields.error) };
  } catch (cause) {
    if (!(cause instanceof Malformed)) throw cause;
    const message = `what a worker sent is no outcome: ${cause.message}; are all workers of this version?`;
    return { error: { code: 'ERR_INVALID_OUTCOME', message } };
  }
}

function answer({ text, objects, timings }: Record<string, unknown>): BatchAnswer {
  if ((text === undefined) === (objects === undefined)) throw new Malformed('it needs either text or objects');
  const room = { left: MAX_TEXT };
  const given =
    text === undefined
      ? { objects: list(objects).map((one) => found(one, room)) }
      : { text: words('text', text, room) };
  const times = record('timings', timings);
  return {
    ...given,
    timings: Object.fromEntries(
      TIMINGS.map((name) => [name, number(`timings.${name}`, times[name], Number.MAX_VALUE)]),
    ) as unknown as Timings,
  };
}

function found(value: unknown, room: { left: number }): NonNullable<BatchAnswer['objects']>[number] {
  const { label, score, box, mask } = record('an object', value);
  const sides = record('box', box);
  const known = {
    label: words('label', label, room),
    score: number('score', score, 1),
    box: Object.fromEntries(BOX.map((side) => [side, number(side, sides[side], MAX_SIDE)])) as Record<
      (typeof BOX)[number],
      number
    >,
  };
  return mask === undefined ? known : { ...known, mask: mask === null ? null : runLength(mask, room) };
}

function runLength(value: unknown, room: { left: number }): RunLength {
  const { size, counts } = record('mask', value);
  const [height, width, ...more] = Array.isArray(size) ? size : [];
  const isSide = (side: unknown) => Number.isInteger(side) && (side as number) > 0 && (side as number) <= MAX_SIDE;
  if (!isSide(height) || !isSide(width) || more.length > 0)
    throw new Malformed(`mask.size must be a height and a width, not ${show(size)}`);
  const runs = words('mask.counts', counts, room);
  if (!/^[0-o]*$/.test(runs)) throw new Malformed('mask.counts must be runs in the form of COCO');
  return { size: [height, width], counts: runs };
}

function error(value: unknown): BatchError {
  const { code, message } = record('error', value);
  if (!CODES.has(code)) throw new Malformed(`error.code must be a code of this version, not ${show(code)}`);
  return { code: code as BatchError['code'], message: words('error.message', message, { left: MAX_TEXT }) };
}

function record(name: string, value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Malformed(`${name} must be an object, not ${show(value)}`);
}

function list(value: unknown): unknown[] {
  if (Array.isArray(value) && value.length <= MAX_OBJECTS) return value;
  throw new Malformed(`objects must be an array of at most ${MAX_OBJECTS}, not ${show(value)}`);
}

function words(name: string, value: unknown, room: { left: number }): string {
  if (typeof value !== 'string') throw new Malformed(`${name} must be a text, not ${show(value)}`);
  room.left -= value.length;
  if (room.left < 0) throw new Malformed(`its texts have more than ${MAX_TEXT} characters`);
  return value;
}

function number(name: string, value: unknown, most: number): number {
  if (typeof value === 'number' && value >= 0 && value <= most) return value;
  throw new Malformed(`${name} must be a number from 0 to ${most}, not ${show(value)}`);
}

/** The error of a job that failed for good: `CODE: message`, as {@link toReason} writes it, or BullMQ's own words. */
export function failureOf(reason: unknown): { error: BatchError } {
  const text = typeof reason === 'string' ? reason.slice(0, MAX_TEXT) : show(reason);
  const [, code, message = text] = /^(ERR_[A-Z_]+): (.*)$/s.exec(text) ?? [];
  return { error: { code: CODES.has(code) ? (code as BatchError['code']) : 'ERR_WORKER_LOST', message } };
}
