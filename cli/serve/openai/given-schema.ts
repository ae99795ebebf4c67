// A stranger's JSON schema. It becomes a program that runs here, so it is looked at first: one that calls itself would never end, and
// one whose parts call others twice each would take longer than anybody lives.
import { Ajv, type AnySchema } from 'ajv';

const CHARACTERS = 16_384;
const DEPTH = 32;
const REFERENCES = 16;
/** Their checks answer later, or depend on who calls. */
const REFUSED = ['$async', '$dynamicRef', '$recursiveRef'];

/** Whether a value fits. */
export type Check = (value: unknown) => boolean;

/** @throws Error with what is wrong with it */
export function checkOf(schema: object): Check {
  look(schema);
  const ajv = new Ajv({
    strict: false,
    validateFormats: false,
    inlineRefs: false,
    logger: false, // it would print the schema
    code: { regExp: anyPattern },
  });
  return ajv.compile(schema as AnySchema);
}

/** @throws Error when it is too large, too deep or refers too much */
function look(schema: object): void {
  let references = 0;
  let characters = 0;
  const visit = (value: unknown, depth: number): void => {
    if (typeof value !== 'object' || value === null) {
      characters += String(value).length + 1;
      return;
    }
    if (depth > DEPTH) throw new Error(`it is deeper than ${DEPTH} levels`);
    for (const [key, inner] of Object.entries(value)) {
      if (REFUSED.includes(key)) throw new Error(`${key} is not known here`);
      if (key === '$ref' && ++references > REFERENCES) throw new Error(`it has more than ${REFERENCES} references`);
      characters += key.length + 4;
      if (characters > CHARACTERS) throw new Error('it is too long');
      visit(inner, depth + 1);
    }
  };
  visit(schema, 0);
  if (characters > CHARACTERS) throw new Error('it is too long');
}

/** A pattern of a stranger could take forever on a text. Nothing the model writes here is held to one. */
const anyPattern = Object.assign(() => ({ test: () => true }), { code: 'new RegExp' });
