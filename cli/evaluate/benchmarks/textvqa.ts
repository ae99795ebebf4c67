import type { Benchmark } from '../benchmark.js';
import { hubData } from '../layout/hub.js';
import { vqa } from '../measures/index.js';
import { answerPrompt } from '../prompts.js';
import { fineTuned, second, TEST_SERVER } from '../published.js';

interface Asked {
  question_id: number;
  image_id: string;
  question: string;
  answers: string[];
}

type Row = Omit<Asked, 'image_id'>;

const asked = ({ question_id, question, answers }: Row) => ({
  ...{ id: String(question_id), question, prompt: answerPrompt(question), targets: answers },
});

export const textvqa: Benchmark = {
  name: 'textvqa',
  title: 'TextVQA',
  sources: [
    { files: 'TextVQA_0.5.1_val.json and train_images/ (its pictures too)', from: 'https://textvqa.org/dataset/' },
  ],
  hub: hubData<Row>({
    ...{ repository: 'lmms-lab/textvqa', files: { val: 'validation' } },
    columns: ['question_id', 'question', 'answers'],
    question: asked,
  }),
  splits: ['val'],
  prompt: 'answer en {question}',
  request: { maxTokens: 32, locations: false },
  measure: vqa,
  *questions(data) {
    for (const one of data.json<{ data: Asked[] }>('TextVQA_0.5.1_val.json').data)
      yield {
        ...asked(one),
        image: data.picture(`${one.image_id}.jpg`, 'train_images', 'train_val_images/train_images'),
      };
  },
  published: [
    ...fineTuned({ 224: 55.5, 448: 73.2, 896: 76.5 }, TEST_SERVER),
    ...second({ 224: [59.6, 64, 64.7], 448: [75.2, 76.6, 76.2] }, TEST_SERVER),
  ],
};
