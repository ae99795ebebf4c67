import path from 'node:path';
import type { Benchmark } from '../benchmark.js';
import { distance } from '../measures/index.js';
import { fineTuned, second, TEST_SERVER } from '../published.js';

interface Asked {
  questionId: number;
  question: string;
  question_types?: string[] | null;
  /** `documents/NAME.png`. */
  image: string;
  answers: string[];
}

export const docvqa: Benchmark = {
  name: 'docvqa',
  title: 'DocVQA',
  sources: [
    {
      files: 'val_v1.0_withQT.json and documents/ (spdocvqa_images/)',
      from: 'https://rrc.cvc.uab.es/?ch=17&com=downloads (task 1)',
    },
  ],
  splits: ['val'],
  prompt: '{question}',
  request: { maxTokens: 32, locations: false },
  measure: distance,
  *questions(data) {
    const files = ['val_v1.0_withQT.json', 'val_v1.0.json'];
    const all = data.json<{ data: Asked[] }>(...files, ...files.map((name) => `spdocvqa_qas/${name}`));
    for (const { questionId, question, question_types, image, answers } of all.data)
      yield {
        id: String(questionId),
        image: data.picture(path.posix.basename(image), 'documents', 'spdocvqa_images'),
        ...{ question, prompt: question },
        targets: answers,
        category: question_types?.[0],
      };
  },
  published: [
    ...fineTuned({ 224: 43.7, 448: 78, 896: 84.8 }, TEST_SERVER),
    ...second({ 224: [39.9, 43.9, 44.9], 448: [73.6, 76.6, 76.1] }, TEST_SERVER),
  ],
};
