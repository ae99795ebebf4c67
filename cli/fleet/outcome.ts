// What comes back through Redis, where whoever can write to it may have written it: only what an outcome has, of its types and
// within its sizes, goes on to the results.
import type { BatchAnswer, BatchError, JsonSchema, Timings } from 'node-paligemma';
import { allTasks, ERROR_CODES, type Outcome, show } from 'node-paligemma/support';

/** Characters of all texts of an outcome, and objects in it: far more than a model says, far less than hurts. */
export const MAX_TEXT = 16 << 20;
export const MAX_OBJECTS = 10_000;

const TIMINGS: readonly (keyof Timings)[] = ['image', 'queue', 'vision', 'prefill', 'decode', 'total'];
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

const FORMS = new Map(allTasks.map(({ json }) => [json.field, json.schema]));

function answer({ timings, finishReason, ...fields }: Record<string, unknown>): BatchAnswer {
  const forms = [...FORMS].filter(([field]) => fields[field] !== undefined);
  const [form, ...more] = forms;
  if (form === undefined || more.length > 0) throw new Malformed(`it needs one of ${[...FORMS.keys()].join(', ')}`);
  const [field, schema] = form;
  if (finishReason !== undefined && finishReason !== 'stop' && finishReason !== 'length')
    throw new Malformed(`finishReason must be stop or length, not ${show(finishReason)}`);
  const times = record('timings', timings);
  return {
    [field]: conforming(field, schema, fields[field], { left: MAX_TEXT }),
    ...(finishReason && { finishReason }),
    timings: Object.fromEntries(
      TIMINGS.map((name) => [name, number(`timings.${name}`, times[name], 0, Number.MAX_VALUE)]),
    ) as unknown as Timings,
  } as BatchAnswer;
}

/** The value, without what its schema does not name. */
function conforming(name: string, schema: JsonSchema, value: unknown, room: { left: number }): unknown {
  const types = [schema.type ?? []].flat();
  if (value === null && types.includes('null')) return null;
  switch (types.find((type) => type !== 'null')) {
    case 'object': {
      const given = record(name, value);
      const known = Object.entries(schema.properties ?? {}).filter(
        ([key]) => given[key] !== undefined || schema.required?.includes(key),
      );
      return Object.fromEntries(
        known.map(([key, inner]) => [key, conforming(`${name}.${key}`, inner, given[key], room)]),
      );
    }
    case 'array': {
      const { items = {}, minItems = 0, maxItems = MAX_OBJECTS } = schema;
      return list(name, value, minItems, maxItems).map((one) => conforming(name, items, one, room));
    }
    case 'string': {
      const text = words(name, value, room);
      if (schema.pattern === undefined || new RegExp(schema.pattern).test(text)) return text;
      throw new Malformed(`${name} must be ${schema.description ?? `of the form ${schema.pattern}`}`);
    }
    case 'integer':
      if (!Number.isInteger(value)) throw new Malformed(`${name} must be a whole number, not ${show(value)}`);
      return number(name, value, schema.minimum, schema.maximum);
    case 'number':
      return number(name, value, schema.minimum, schema.maximum);
    case 'boolean':
      if (typeof value === 'boolean') return value;
      throw new Malformed(`${name} must be true or false, not ${show(value)}`);
    default:
      throw new Malformed(`${name} is of no type that travels`);
  }
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

function list(name: string, value: unknown, least: number, most: number): unknown[] {
  if (Array.isArray(value) && value.length >= least && value.length <= most) return value;
  throw new Malformed(`${name} must be an array of ${least} to ${most}, not ${show(value)}`);
}

function words(name: string, value: unknown, room: { left: number }): string {
  if (typeof value !== 'string') throw new Malformed(`${name} must be a text, not ${show(value)}`);
  room.left -= value.length;
  if (room.left < 0) throw new Malformed(`its texts have more than ${MAX_TEXT} characters`);
  return value;
}

function number(name: string, value: unknown, least = -Number.MAX_VALUE, most = Number.MAX_VALUE): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw new Malformed(`${name} must be a number from ${least} to ${most}, not ${show(value)}`);
}

/** The error of a job that failed for good: `CODE: message`, as {@link toReason} writes it, or BullMQ's own words. */
export function failureOf(reason: unknown): { error: BatchError } {
  const text = typeof reason === 'string' ? reason.slice(0, MAX_TEXT) : show(reason);
  const [, code, message = text] = /^(ERR_[A-Z_]+): (.*)$/s.exec(text) ?? [];
  return { error: { code: CODES.has(code) ? (code as BatchError['code']) : 'ERR_WORKER_LOST', message } };
}
