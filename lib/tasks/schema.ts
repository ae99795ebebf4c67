// JSON Schemas of tasks, made from their descriptions.
import { type JsonSchema, record } from './json-schema.js';
import type { Options } from './option.js';
import type { Task } from './task.js';

export interface TaskSchema {
  /** What is asked, the pictures apart. */
  options: JsonSchema;
  /** What `--json`, a batch and a fleet give for it, the item's own fields apart. */
  result: JsonSchema;
}

const milliseconds: JsonSchema = { type: 'number', minimum: 0, description: 'milliseconds' };
const count: JsonSchema = { type: 'integer', minimum: 0 };

/** The schemas of a task, as JSON Schema 2020-12. */
export function taskSchema({ options, sampling, json }: Task): TaskSchema {
  return {
    options: {
      ...record(propertiesOf({ ...options, ...sampling }), optionalOf({ ...options, ...sampling })),
      additionalProperties: false,
    },
    result: record(
      {
        [json.field]: json.schema,
        finishReason: { type: 'string', pattern: '^(stop|length)$', description: 'length: a limit cut the answer off' },
        usage: record({ imageTokens: count, promptTokens: count, newTokens: count, rememberedImages: count }),
        timings: record(
          Object.fromEntries(
            ['load', 'image', 'queue', 'vision', 'prefill', 'decode', 'total'].map((name) => [name, milliseconds]),
          ),
          ['load'],
        ),
      },
      ['usage'],
    ),
  };
}

const propertiesOf = (options: Options): Record<string, JsonSchema> =>
  Object.fromEntries(
    Object.entries(options).map(([name, { schema, help, default: preset }]) => [
      name,
      { ...schema, description: help, ...(preset !== undefined && { default: preset }) },
    ]),
  );

const optionalOf = (options: Options): string[] => Object.keys(options).filter((name) => !options[name]?.required);
