// An option is described once. Types, checks, flags with their help and JSON Schemas all come from the description.
import { flag, invalid, number, text, texts, whole } from '../base/check.js';
import { show } from '../base/errors.js';

/** What a value may be, in the words of JSON Schema. */
export type OptionSchema =
  | { readonly type: 'boolean' }
  | { readonly type: 'integer' | 'number'; readonly minimum: number; readonly maximum: number }
  | { readonly type: 'string'; readonly pattern?: string; readonly minLength?: number }
  | TextList
  | { readonly anyOf: readonly [{ readonly type: 'string' }, TextList] };

interface TextList {
  readonly type: 'array';
  readonly items: { readonly type: 'string'; readonly minLength: 1 };
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** An array of texts, none of them empty. */
export const textList = { type: 'array', items: { type: 'string', minLength: 1 } } as const satisfies OptionSchema;

export interface Option {
  readonly schema: OptionSchema;
  /** For help and documentation, with the default in brackets. Of one that is true or false: what true does, `keep ...`. */
  readonly help: string;
  /** What the value is, in help: `text`, `n`. Not for those that are true or false. */
  readonly value?: string;
  /** On the command line, where it is not its own name with hyphens. Of an array: the name of one, given several times. */
  readonly flag?: string;
  readonly required?: true;
  /** Default of one that is true or false. Such a one with `true` has a flag that turns it off, with the help `do not keep ...`. */
  readonly default?: boolean;
  /** Is the sentence of the error when the schema's own would not help. */
  readonly expected?: string;
  /** What a schema cannot say. Throws ERR_INVALID_ARGUMENT. */
  readonly check?: (value: never) => void;
}

export type Options = Readonly<Record<string, Option>>;

type ValueOf<S> = S extends { type: 'boolean' }
  ? boolean
  : S extends { type: 'integer' | 'number' }
    ? number
    : S extends { type: 'string' }
      ? string
      : S extends { type: 'array' }
        ? string[]
        : string | string[];

type Required<O extends Options> = { [K in keyof O]: O[K] extends { required: true } ? K : never }[keyof O];

/** The values that options describe. */
export type OptionsOf<O extends Options> = { [K in Required<O>]: ValueOf<O[K]['schema']> } & {
  [K in Exclude<keyof O, Required<O>>]?: ValueOf<O[K]['schema']>;
};

/**
 * The values of the options that are given, each checked; what else is given is left out.
 * @param about in errors, what needs a required option that is missing
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT naming the option and what it must be
 */
export function checkOptions<O extends Options>(options: O, given: object, about: string): OptionsOf<O> {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    const value = (given as Record<string, unknown>)[name];
    if (value !== undefined) values[name] = checkOption(name, option, value);
    else if (option.required) throw invalid(`${about} needs ${name}`);
  }
  return values as OptionsOf<O>;
}

/**
 * The value, if it is one that the option may have.
 * @param name in errors, what the option is called where the value was given
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT naming the option and what it must be
 */
export function checkOption(name: string, option: Option, value: unknown): unknown {
  const { schema, expected } = option;
  const wrong = () => invalid(`${name} must be ${expected}, not ${show(value)}`);
  if (expected !== undefined && !conforms(schema, value)) throw wrong();
  if (expected === undefined) checkSchema(name, schema, value);
  (option.check as ((value: unknown) => void) | undefined)?.(value);
  return value;
}

function checkSchema(name: string, schema: OptionSchema, value: unknown): void {
  if ('anyOf' in schema) {
    if (typeof value !== 'string') checkSchema(name, schema.anyOf[1], value);
    return;
  }
  switch (schema.type) {
    case 'boolean':
      return void flag(name, value);
    case 'integer':
      return void whole(name, value, schema.minimum, schema.maximum);
    case 'number':
      return void number(name, value, schema.minimum, schema.maximum);
    case 'array': {
      const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
      const { length } = texts(name, value);
      if (length < minItems || length > maxItems)
        throw invalid(`${name} must be ${minItems} to ${maxItems} texts, not ${length}`);
      return;
    }
    case 'string':
      if (schema.minLength === undefined && typeof value === 'string') return;
      return void text(name, value);
  }
}

function conforms(schema: OptionSchema, value: unknown): boolean {
  try {
    checkSchema('', schema, value);
  } catch {
    return false;
  }
  return !('pattern' in schema && schema.pattern !== undefined) || new RegExp(schema.pattern).test(value as string);
}
