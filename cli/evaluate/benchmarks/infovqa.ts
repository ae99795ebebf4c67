import type { Benchmark } from '../benchmark.js';
import { hubData } from '../layout/hub.js';
import {
  DOCUMENT_COLUMNS,
  type DocumentQuestion,
  documentQuestion,
  documentQuestions,
} from '../layout/robust-reading.js';
import { distance } from '../measures/index.js';

interface Asked extends DocumentQuestion {
  image_local_name: string;
}

export const infovqa: Benchmark = {
  name: 'infovqa',
  title: 'InfographicVQA',
  sources: [
    {
      files: 'infographicsVQA_val_v1.0_withQT.json and infographicsvqa_images/',
      from: 'https://rrc.cvc.uab.es/?ch=17&com=downloads (task 3)',
    },
  ],
  hub: hubData<DocumentQuestion>({
    ...{ repository: 'lmms-lab/DocVQA', folder: 'InfographicVQA', files: { val: 'validation' } },
    columns: DOCUMENT_COLUMNS,
    question: documentQuestion,
  }),
  splits: ['val'],
  prompt: '{question}',
  request: { maxTokens: 32, locations: false },
  measure: distance,
  *questions(data) {
    const names = ['infographicsVQA_val_v1.0_withQT.json', 'infographicsVQA_val_v1.0.json'];
    for (const one of documentQuestions<Asked>(data, 'infographicsvqa_qas', ...names))
      yield {
        ...documentQuestion(one),
        image: data.picture(one.image_local_name, 'infographicsvqa_images', 'infographicVQA_val_v1.0_images'),
      };
  },
  published: [],
};
