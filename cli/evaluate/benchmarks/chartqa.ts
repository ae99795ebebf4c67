import type { Benchmark } from '../benchmark.js';
import { hubData } from '../layout/hub.js';
import { relaxedByCategory } from '../measures/index.js';
import { fineTuned } from '../published.js';

interface Asked {
  imgname: string;
  query: string;
  label: string;
}

interface Row {
  /** `human_test` or `augmented_test`. */
  type: string;
  question: string;
  answer: string;
}

const asked = (part: string, place: number, question: string, answer: string) => ({
  ...{ id: `${part}/${place}`, question, prompt: question, targets: String(answer), category: part },
});

export const chartqa: Benchmark = {
  name: 'chartqa',
  title: 'ChartQA',
  sources: [
    {
      files: 'SPLIT/SPLIT_human.json, SPLIT/SPLIT_augmented.json and SPLIT/png/',
      from: 'https://github.com/vis-nlp/ChartQA (ChartQA Dataset)',
    },
  ],
  hub: hubData<Row>({
    ...{ repository: 'lmms-lab/ChartQA', files: { test: 'test' } },
    columns: ['type', 'question', 'answer'],
    question: ({ type, question, answer }, _, place) => asked(type.split('_')[0] ?? '', place, question, answer),
  }),
  splits: ['test', 'val'],
  prompt: '{question}',
  request: { maxTokens: 32, locations: false },
  measure: relaxedByCategory,
  *questions(data, split) {
    for (const part of ['human', 'augmented'])
      for (const [i, { imgname, query, label }] of data.json<Asked[]>(`${split}/${split}_${part}.json`).entries())
        yield { ...asked(part, i, query, label), image: data.picture(imgname, `${split}/png`) };
  },
  published: fineTuned({ 224: 57.1, 448: 71.4 }),
};
