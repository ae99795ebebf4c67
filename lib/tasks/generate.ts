import { asText } from './json-schema.js';
import { logprobs, sampling } from './sampling.js';
import { task } from './task.js';

/** Any prompt, written as it is. */
export const generate = task({
  name: 'generate',
  summary: 'answer a prompt about one or several images (or none)',
  images: { least: 0, most: Number.POSITIVE_INFINITY },
  options: {
    prompt: {
      schema: { type: 'string' },
      value: 'text',
      help: 'any prompt, such as "caption en" or "detect cat ; dog"',
      required: true,
      expected: 'a text',
    },
  },
  sampling: {
    ...sampling,
    locations: { ...sampling.locations, default: true },
    logprobs,
  },
  impliedBy: 'prompt',
  streams: true,
  ask: ({ prompt }) => ({ prompt, locations: true }),
  result: ({ text }) => text,
  json: asText,
});
