import type { Benchmark } from '../benchmark.js';
import { pairs } from '../measures/index.js';
import { answerPrompt } from '../prompts.js';
import { fineTuned, mix } from '../published.js';

/** The options of `(a) Open (b) Closed`, by their letters. */
export function optionsOf(text: string): Map<string, string> {
  const parts = text.split(/\(([a-z])\)/).slice(1);
  return new Map(parts.flatMap((letter, i) => (i % 2 === 0 ? [[letter, (parts[i + 1] ?? '').trim()]] : [])));
}

/** Pairs whose answers are wrong in the data. */
const MISLABELLED: ReadonlySet<string> = new Set(['99/100', '279/280']);

/** 150 pairs of pictures that look alike to CLIP, with one question each pair. */
export const mmvp: Benchmark = {
  name: 'mmvp',
  title: 'MMVP',
  sources: [{ files: 'Questions.csv and "MMVP Images"/', from: 'https://huggingface.co/datasets/MMVP/MMVP' }],
  splits: ['all'],
  prompt: 'answer en {question}',
  request: { maxTokens: 32, locations: false },
  measure: {
    ...pairs,
    others: (answers) => ({
      ...pairs.others?.(answers),
      'pairs without those mislabelled': pairs.total?.(answers.filter(({ category }) => category === undefined)) ?? 0,
    }),
  },
  *questions(data) {
    for (const row of data.csv('Questions.csv')) {
      const id = row.Index ?? row.lndex ?? ''; // its owners' file has an l there
      const first = Math.floor((Number(id) - 1) / 2) * 2 + 1;
      const group = `${first}/${first + 1}`;
      const letter = /[a-z]/.exec(row['Correct Answer'] ?? '')?.[0] ?? '';
      const question = row.Question ?? '';
      yield {
        ...{ id, group, question, prompt: answerPrompt(question) },
        image: data.picture(`${id}.jpg`, 'MMVP Images'),
        targets: [optionsOf(row.Options ?? '').get(letter) ?? letter, letter, `(${letter})`],
        category: MISLABELLED.has(group) ? 'mislabelled in the data' : undefined,
      };
    }
  },
  published: [...fineTuned({ 224: 47.3, 448: 45.3 }), ...mix({ 224: 46, 448: 45.33 })],
};
