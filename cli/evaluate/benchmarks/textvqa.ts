import type { Benchmark } from '../benchmark.js';
import { vqa } from '../measures/index.js';
import { answerPrompt } from '../prompts.js';
import { fineTuned, second, TEST_SERVER } from '../published.js';

interface Asked {
  question_id: number;
  image_id: string;
  question: string;
  answers: string[];
}

export const textvqa: Benchmark = {
  name: 'textvqa',
  title: 'TextVQA',
  sources: [
    { files: 'TextVQA_0.5.1_val.json and train_images/ (its pictures too)', from: 'https://textvqa.org/dataset/' },
  ],
  splits: ['val'],
  prompt: 'answer en {question}',
  request: { maxTokens: 32, locations: false },
  measure: vqa,
  *questions(data) {
    for (const { question_id, image_id, question, answers } of data.json<{ data: Asked[] }>('TextVQA_0.5.1_val.json')
      .data)
      yield {
        id: String(question_id),
        image: data.picture(`${image_id}.jpg`, 'train_images', 'train_val_images/train_images'),
        ...{ question, prompt: answerPrompt(question) },
        targets: answers,
      };
  },
  published: [
    ...fineTuned({ 224: 55.5, 448: 73.2, 896: 76.5 }, TEST_SERVER),
    ...second({ 224: [59.6, 64, 64.7], 448: [75.2, 76.6, 76.2] }, TEST_SERVER),
  ],
};
