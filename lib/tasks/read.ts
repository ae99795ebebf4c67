import { asText } from './json-schema.js';
import { sampling } from './sampling.js';
import { task } from './task.js';

/** All text in a picture, from top left to bottom right. */
export const read = task({
  name: 'read',
  summary: 'read the text in each image',
  images: { least: 1, most: 1 },
  options: {},
  sampling,
  streams: true,
  ask: () => ({ prompt: 'ocr' }),
  result: ({ text }) => text,
  json: asText,
});
