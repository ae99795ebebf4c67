import type { Benchmark } from '../benchmark.js';
import { hubData } from '../layout/hub.js';
import { distance } from '../measures/index.js';

interface Asked {
  questionId: number | string;
  question: string;
  image_local_name: string;
  answers: string[];
}

type Row = Pick<Asked, 'questionId' | 'question' | 'answers'>;

const asked = ({ questionId, question, answers }: Row) => ({
  ...{ id: String(questionId), question, prompt: question, targets: answers },
});

export const infovqa: Benchmark = {
  name: 'infovqa',
  title: 'InfographicVQA',
  sources: [
    {
      files: 'infographicsVQA_val_v1.0_withQT.json and infographicsvqa_images/',
      from: 'https://rrc.cvc.uab.es/?ch=17&com=downloads (task 3)',
    },
  ],
  hub: hubData<Row>({
    ...{ repository: 'lmms-lab/DocVQA', folder: 'InfographicVQA', files: { val: 'validation' } },
    columns: ['questionId', 'question', 'answers'],
    question: asked,
  }),
  splits: ['val'],
  prompt: '{question}',
  request: { maxTokens: 32, locations: false },
  measure: distance,
  *questions(data) {
    const files = ['infographicsVQA_val_v1.0_withQT.json', 'infographicsVQA_val_v1.0.json'];
    const all = data.json<{ data: Asked[] }>(...files, ...files.map((name) => `infographicsvqa_qas/${name}`));
    for (const one of all.data)
      yield {
        ...asked(one),
        image: data.picture(one.image_local_name, 'infographicsvqa_images', 'infographicVQA_val_v1.0_images'),
      };
  },
  published: [],
};
