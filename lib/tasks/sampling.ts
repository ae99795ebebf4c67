// How the tokens of an answer are chosen, and how many.
import type { Option, Options } from './option.js';

/** llama.cpp takes the largest 32-bit number as "any seed". */
export const MAX_SEED = 2 ** 32 - 2;

/** What `detect` and `segment` take of {@link sampling}: their answers have a form of their own. */
export const drawing = {
  maxTokens: {
    schema: { type: 'integer', minimum: 1, maximum: 1 << 20 },
    value: 'n',
    help: 'most tokens to generate (default: 100; detect 256, segment 512)',
  },
  temperature: {
    schema: { type: 'number', minimum: 0, maximum: 100 },
    value: 't',
    help: '0 is greedy (default)',
  },
  topK: {
    schema: { type: 'integer', minimum: 1, maximum: 1 << 24 },
    value: 'n',
    help: 'draw from the n most probable tokens',
  },
  topP: {
    schema: { type: 'number', minimum: 0, maximum: 1 },
    value: 'share',
    help: 'draw from the tokens that hold this share of probability',
  },
  seed: { schema: { type: 'integer', minimum: 0, maximum: MAX_SEED }, value: 'n', help: 'of the draws' },
} as const satisfies Options;

/** What tasks that answer with a text take. */
export const sampling = {
  ...drawing,
  numBeams: {
    schema: { type: 'integer', minimum: 1, maximum: 32 },
    value: 'n',
    help: 'beam search with so many beams (default: 1, none)',
  },
  lengthPenalty: {
    schema: { type: 'number', minimum: -10, maximum: 10 },
    value: 'p',
    help: 'of beam search: divide log-probabilities by length to this power (default: 1)',
  },
  stop: {
    schema: { type: 'array', items: { type: 'string', minLength: 1 } },
    value: 'text',
    help: 'end the answer before this text; may be given several times',
  },
  locations: {
    schema: { type: 'boolean' },
    help: 'keep locations and mask codes in the text',
    default: false,
  },
} as const satisfies Options;

export const logprobs = {
  schema: { type: 'integer', minimum: 0, maximum: 100 },
  value: 'n',
  help: "with --json: each token's log-probability and so many alternatives",
} as const satisfies Option;
