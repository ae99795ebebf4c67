import type { Benchmark } from '../benchmark.js';
import { hubData } from '../layout/hub.js';
import { exact } from '../measures/index.js';
import { answerPrompt } from '../prompts.js';
import { fineTuned, mix, second } from '../published.js';

interface Asked {
  imageId: string;
  question: string;
  answer: string;
  types?: { structural?: string } | null;
}

interface Row extends Asked {
  id: string;
}

const asked = (id: string, { question, answer, types }: Asked) => ({
  ...{ id, question, prompt: answerPrompt(question), targets: answer, category: types?.structural },
});

export const gqa: Benchmark = {
  name: 'gqa',
  title: 'GQA',
  sources: [
    { files: 'SPLIT_questions.json and images/', from: 'https://cs.stanford.edu/people/dorarad/gqa/download.html' },
  ],
  hub: hubData<Row>({
    ...{ repository: 'lmms-lab/GQA', folder: 'testdev_balanced_instructions', files: { testdev_balanced: 'testdev' } },
    ...{ columns: ['id', 'imageId', 'question', 'answer'], optional: ['types'] },
    pictures: { folder: 'testdev_balanced_images', id: 'id', of: 'imageId' },
    question: ({ id, ...row }) => asked(id, row),
  }),
  splits: ['testdev_balanced', 'val_balanced'],
  prompt: 'answer en {question}',
  request: { maxTokens: 32, locations: false },
  measure: exact,
  *questions(data, split) {
    const name = `${split}_questions.json`;
    for (const [id, one] of Object.entries(
      data.json<Record<string, Asked>>(name, `questions/${name}`, `questions1.2/${name}`),
    ))
      yield { ...asked(id, one), image: data.picture(`${one.imageId}.jpg`, 'images') };
  },
  published: [
    ...fineTuned({ 224: 65.6, 448: 67 }),
    ...mix({ 224: 65.2, 448: 65.47 }),
    ...second({ 224: [66.2, 67.2, 67.3], 448: [68.1, 68.3, 68.3] }),
  ],
};
