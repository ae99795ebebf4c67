import path from 'node:path';
import type { Benchmark } from '../benchmark.js';
import { hubData } from '../layout/hub.js';
import { distance } from '../measures/index.js';
import { fineTuned, second, TEST_SERVER } from '../published.js';

interface Row {
  questionId: number | string;
  question: string;
  question_types?: string[] | null;
  answers: string[];
}

interface Asked extends Row {
  /** `documents/NAME.png`. */
  image: string;
}

const asked = ({ questionId, question, question_types, answers }: Row) => ({
  ...{ id: String(questionId), question, prompt: question },
  ...{ targets: answers, category: question_types?.[0] },
});

export const docvqa: Benchmark = {
  name: 'docvqa',
  title: 'DocVQA',
  sources: [
    {
      files: 'val_v1.0_withQT.json and documents/ (spdocvqa_images/)',
      from: 'https://rrc.cvc.uab.es/?ch=17&com=downloads (task 1)',
    },
  ],
  hub: hubData<Row>({
    ...{ repository: 'lmms-lab/DocVQA', folder: 'DocVQA', files: { val: 'validation' } },
    ...{ columns: ['questionId', 'question', 'answers'], optional: ['question_types'] },
    question: asked,
  }),
  splits: ['val'],
  prompt: '{question}',
  request: { maxTokens: 32, locations: false },
  measure: distance,
  *questions(data) {
    const files = ['val_v1.0_withQT.json', 'val_v1.0.json'];
    const all = data.json<{ data: Asked[] }>(...files, ...files.map((name) => `spdocvqa_qas/${name}`));
    for (const one of all.data)
      yield { ...asked(one), image: data.picture(path.posix.basename(one.image), 'documents', 'spdocvqa_images') };
  },
  published: [
    ...fineTuned({ 224: 43.7, 448: 78, 896: 84.8 }, TEST_SERVER),
    ...second({ 224: [39.9, 43.9, 44.9], 448: [73.6, 76.6, 76.1] }, TEST_SERVER),
  ],
};
