import { asText } from './json-schema.js';
import { sampling } from './sampling.js';
import { task } from './task.js';
import { language, question } from './words.js';

/** The question prompt of PaliGemma's mixtures: VQAv2, GQA, A-OKVQA, NLVR2 and others. */
export const answer = task({
  name: 'answer',
  summary: 'answer a question about one or several images',
  images: { least: 1, most: Number.POSITIVE_INFINITY },
  options: { question, language },
  sampling,
  impliedBy: 'question',
  streams: true,
  ask: ({ question, language = 'en' }) => ({ prompt: `answer ${language} ${question}` }),
  result: ({ text }) => text,
  json: asText,
});
