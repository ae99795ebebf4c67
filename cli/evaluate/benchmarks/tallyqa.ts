import type { Benchmark } from '../benchmark.js';
import { number } from '../measures/index.js';
import { answerPrompt } from '../prompts.js';

interface Asked {
  question_id: number;
  /** With its folder: `VG_100K_2/NAME.jpg`, `val2014/NAME.jpg`. */
  image: string;
  question: string;
  answer: number;
  issimple: boolean;
}

export const tallyqa: Benchmark = {
  name: 'tallyqa',
  title: 'TallyQA',
  sources: [
    { files: 'test.json', from: 'https://github.com/manoja328/tallyqa' },
    {
      files: 'VG_100K/, VG_100K_2/ and val2014/',
      from: 'https://homes.cs.washington.edu/~ranjay/visualgenome and https://cocodataset.org/#download',
    },
  ],
  splits: ['test'],
  prompt: 'answer en {question}',
  request: { maxTokens: 32, locations: false },
  measure: number,
  *questions(data) {
    for (const { question_id, image, question, answer, issimple } of data.json<Asked[]>('test.json'))
      yield {
        id: String(question_id),
        image: data.picture(image, '.'),
        ...{ question, prompt: answerPrompt(question) },
        targets: String(answer),
        category: issimple ? 'simple' : 'complex',
      };
  },
  published: [],
};
