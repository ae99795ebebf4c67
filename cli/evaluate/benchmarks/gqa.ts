import type { Benchmark } from '../benchmark.js';
import { exact } from '../measures/index.js';
import { answerPrompt } from '../prompts.js';
import { fineTuned, mix, second } from '../published.js';

interface Asked {
  imageId: string;
  question: string;
  answer: string;
  types?: { structural?: string };
}

export const gqa: Benchmark = {
  name: 'gqa',
  title: 'GQA',
  sources: [
    { files: 'SPLIT_questions.json and images/', from: 'https://cs.stanford.edu/people/dorarad/gqa/download.html' },
  ],
  splits: ['testdev_balanced', 'val_balanced'],
  prompt: 'answer en {question}',
  request: { maxTokens: 32, locations: false },
  measure: exact,
  *questions(data, split) {
    const name = `${split}_questions.json`;
    for (const [id, { imageId, question, answer, types }] of Object.entries(
      data.json<Record<string, Asked>>(name, `questions/${name}`, `questions1.2/${name}`),
    ))
      yield {
        id,
        image: data.picture(`${imageId}.jpg`, 'images'),
        ...{ question, prompt: answerPrompt(question) },
        targets: answer,
        category: types?.structural,
      };
  },
  published: [
    ...fineTuned({ 224: 65.6, 448: 67 }),
    ...mix({ 224: 65.2, 448: 65.47 }),
    ...second({ 224: [66.2, 67.2, 67.3], 448: [68.1, 68.3, 68.3] }),
  ],
};
