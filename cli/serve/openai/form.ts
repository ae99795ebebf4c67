// Answers in a JSON schema. The model writes boxes and choices, so schemas of these can be met; of anything else the client is
// told before anything is computed.
import type { Generation, PaliGemma } from 'node-paligemma';
import { reasonOf } from 'node-paligemma/support';
import { badRequest } from '../errors.js';
import type { Picture } from '../images.js';
import { namesIn } from '../prompts.js';
import { type Check, checkOf } from './given-schema.js';

/** How an answer of some form is had. */
export interface Form {
  ask(
    model: PaliGemma,
    pictures: Picture[],
    options: {
      maxTokens?: number | undefined;
      temperature?: number | undefined;
      topP?: number | undefined;
      seed?: number | undefined;
      signal: AbortSignal;
    },
  ): Promise<{ value: unknown; run: Generation }>;
}

interface Schema {
  type?: unknown;
  enum?: unknown;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: unknown;
}

const FIELD = 'response_format';

/**
 * @param format chat's `response_format`, or `text.format` of responses, which has no level in between
 * @param prompt as the client wrote it
 * @throws HttpError 400 when the model cannot answer so
 */
export function formOf(format: unknown, prompt: string): Form | undefined {
  if (format === undefined || format === null) return undefined;
  const {
    type,
    json_schema: inner,
    schema: own,
  } = format as { type?: unknown; json_schema?: { schema?: unknown }; schema?: unknown };
  if (type === 'text') return undefined;
  const schema = (inner?.schema ?? own) as Schema | undefined;
  if (type !== 'json_schema' || typeof schema !== 'object' || schema === null)
    throw badRequest(
      'the model writes no free JSON: give a schema of boxes or of a choice (type "json_schema")',
      FIELD,
    );
  const form = tried(() => {
    const fits = checkOf(schema);
    return boxes(schema, fits, prompt) ?? choice(schema, fits, prompt);
  });
  if (form) return form;
  throw badRequest(
    'this schema cannot be answered: a list of objects with label, score and box goes with a prompt "detect cat ; dog", a text of an enum with a question',
    FIELD,
  );
}

/** A schema that refers to itself fails only when a value is tried. */
function tried<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw badRequest(`the schema cannot be used: ${reasonOf(error).slice(0, 300)}`, FIELD);
  }
}

const OBJECT = { label: 'cat', score: 0.5, box: { xmin: 1, ymin: 2, xmax: 3, ymax: 4 } };

/** `[{label, score, box}]`, alone or as the one list of an object; of the fields those that the schema names. */
function boxes(schema: Schema, fits: Check, prompt: string): Form | undefined {
  const names = namesIn(prompt);
  if (!names) return undefined;
  const shaped = (found: unknown[]): unknown => {
    if (schema.type === 'array') return found.map((one) => only(one, schema.items));
    const list = Object.entries(schema.properties ?? {}).find(([, inner]) => inner.type === 'array');
    return list ? { [list[0]]: found.map((one) => only(one, list[1].items)) } : found;
  };
  if (!fits(shaped([OBJECT, OBJECT]))) return undefined;
  return {
    async ask(model, [picture], options) {
      const run = await model.run('detect', picture as Picture, { ...options, labels: names.labels });
      return { value: shaped(run.result), run };
    },
  };
}

/** A strict schema allows no other fields than its own. */
function only(value: unknown, schema: Schema | undefined): unknown {
  const { properties } = schema ?? {};
  if (!properties || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => Object.hasOwn(properties, name))
      .map(([name, inner]) => [name, only(inner, properties[name])]),
  );
}

/** One of an enum's texts, alone or as the one field of an object. */
function choice(schema: Schema, fits: Check, prompt: string): Form | undefined {
  const [name, inner] = Object.entries(schema.properties ?? {}).find(([, { enum: list }]) => isChoices(list)) ?? [];
  const choices = (inner ?? schema).enum;
  if (!isChoices(choices) || prompt.trim() === '') return undefined;
  const shaped = (text: string | null) => (name === undefined ? text : { [name]: text });
  if (!choices.every((text) => fits(shaped(text)))) return undefined;
  return {
    async ask(model, [picture], options) {
      const { signal } = options;
      const run = await model.run('choose', picture as Picture, { question: prompt, choices, score: true, signal });
      return { value: shaped(run.result.text), run };
    },
  };
}

const isChoices = (list: unknown): list is string[] =>
  Array.isArray(list) &&
  list.length >= 2 &&
  list.length <= 26 &&
  list.every((one) => typeof one === 'string' && one !== '');
