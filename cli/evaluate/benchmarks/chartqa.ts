import type { Benchmark } from '../benchmark.js';
import { relaxedByCategory } from '../measures/index.js';
import { fineTuned } from '../published.js';

interface Asked {
  imgname: string;
  query: string;
  label: string;
}

export const chartqa: Benchmark = {
  name: 'chartqa',
  title: 'ChartQA',
  sources: [
    {
      files: 'SPLIT/SPLIT_human.json, SPLIT/SPLIT_augmented.json and SPLIT/png/',
      from: 'https://github.com/vis-nlp/ChartQA (ChartQA Dataset)',
    },
  ],
  splits: ['test', 'val'],
  prompt: '{question}',
  request: { maxTokens: 32, locations: false },
  measure: relaxedByCategory,
  *questions(data, split) {
    for (const part of ['human', 'augmented'])
      for (const [i, { imgname, query, label }] of data.json<Asked[]>(`${split}/${split}_${part}.json`).entries())
        yield {
          id: `${part}/${i}`,
          image: data.picture(imgname, `${split}/png`),
          ...{ question: query, prompt: query },
          targets: String(label),
          category: part,
        };
  },
  published: fineTuned({ 224: 57.1, 448: 71.4 }),
};
