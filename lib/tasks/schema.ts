// JSON Schemas of tasks, made from their descriptions.
import { type JsonSchema, record } from './json-schema.js';
import type { Options } from './option.js';
import { segment } from './segment.js';
import type { Task } from './task.js';

export interface TaskSchema {
  /** What is asked, the pictures apart. */
  options: JsonSchema;
  /** What `--json`, a batch and a fleet give for it, the item's own fields apart. */
  result: JsonSchema;
}

const milliseconds: JsonSchema = { type: 'number', minimum: 0, description: 'milliseconds' };
const count: JsonSchema = { type: 'integer', minimum: 0 };
const listOf = (items: JsonSchema): JsonSchema => ({ type: 'array', items });
const logprob: JsonSchema = { type: 'number', description: 'natural logarithm of a probability' };
const token = { token: count, text: { type: 'string' }, logprob } as const;

/** The schemas of a task, as JSON Schema 2020-12. */
export function taskSchema(task: Task): TaskSchema {
  const asked = { ...task.options, ...task.sampling };
  const optional = optionalParts(task);
  return {
    options: { ...record(propertiesOf(asked), optionalOf(asked)), additionalProperties: false },
    result: record({ [task.json.field]: task.json.schema, ...FIXED_PARTS, ...optional }, Object.keys(optional)),
  };
}

/** What a batch and a fleet leave out, or what was asked for alone. */
const optionalParts = ({ name, sampling }: Task): Record<string, JsonSchema> => ({
  ...(name === segment.name && {
    maskFiles: { ...listOf({ type: 'string' }), description: 'with --masks: the file of each mask' },
  }),
  tokens: listOf(count),
  ...('logprobs' in sampling && { logprobs: listOf(record({ ...token, top: listOf(record(token)) })) }),
  ...('numBeams' in sampling && { beamScore: { type: 'number', description: 'with --num-beams' } }),
  usage: record({ imageTokens: count, promptTokens: count, newTokens: count, rememberedImages: count }),
});

/** What every result has. */
const FIXED_PARTS: Record<string, JsonSchema> = {
  finishReason: { type: 'string', pattern: '^(stop|length)$', description: 'length: a limit cut the answer off' },
  timings: record(
    Object.fromEntries(
      ['load', 'image', 'queue', 'vision', 'prefill', 'decode', 'total'].map((name) => [name, milliseconds]),
    ),
    ['load'],
  ),
};

const propertiesOf = (options: Options): Record<string, JsonSchema> =>
  Object.fromEntries(
    Object.entries(options).map(([name, { schema, help, default: preset }]) => [
      name,
      { ...schema, description: help, ...(preset !== undefined && { default: preset }) },
    ]),
  );

const optionalOf = (options: Options): string[] => Object.keys(options).filter((name) => !options[name]?.required);
