import { asText } from './json-schema.js';
import { sampling } from './sampling.js';
import { task } from './task.js';
import { language } from './words.js';

/** PaliGemma's captions, in one of the 35 languages of COCO-35L. */
export const caption = task({
  name: 'caption',
  summary: 'describe each image in a sentence',
  images: { least: 1, most: 1 },
  options: { language },
  sampling,
  streams: true,
  ask: ({ language = 'en' }) => ({ prompt: `caption ${language}` }),
  result: ({ text }) => text,
  json: asText,
});
