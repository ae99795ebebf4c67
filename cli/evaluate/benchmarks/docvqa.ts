import path from 'node:path';
import type { Benchmark } from '../benchmark.js';
import { hubData } from '../layout/hub.js';
import {
  DOCUMENT_COLUMNS,
  type DocumentQuestion,
  documentQuestion,
  documentQuestions,
} from '../layout/robust-reading.js';
import { distance } from '../measures/index.js';
import { fineTuned, second, TEST_SERVER } from '../published.js';

interface Asked extends DocumentQuestion {
  /** `documents/NAME.png`. */
  image: string;
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
  hub: hubData<DocumentQuestion>({
    ...{ repository: 'lmms-lab/DocVQA', folder: 'DocVQA', files: { val: 'validation' } },
    ...{ columns: DOCUMENT_COLUMNS, optional: ['question_types'] },
    question: documentQuestion,
  }),
  splits: ['val'],
  prompt: '{question}',
  request: { maxTokens: 32, locations: false },
  measure: distance,
  *questions(data) {
    const names = ['val_v1.0_withQT.json', 'val_v1.0.json'];
    for (const one of documentQuestions<Asked>(data, 'spdocvqa_qas', ...names))
      yield {
        ...documentQuestion(one),
        image: data.picture(path.posix.basename(one.image), 'documents', 'spdocvqa_images'),
      };
  },
  published: [
    ...fineTuned({ 224: 43.7, 448: 78, 896: 84.8 }, TEST_SERVER),
    ...second({ 224: [39.9, 43.9, 44.9], 448: [73.6, 76.6, 76.1] }, TEST_SERVER),
  ],
};
