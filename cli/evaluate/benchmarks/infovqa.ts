import type { Benchmark } from '../benchmark.js';
import { distance } from '../measures/index.js';

interface Asked {
  questionId: number;
  question: string;
  image_local_name: string;
  answers: string[];
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
  splits: ['val'],
  prompt: '{question}',
  request: { maxTokens: 32, locations: false },
  measure: distance,
  *questions(data) {
    const files = ['infographicsVQA_val_v1.0_withQT.json', 'infographicsVQA_val_v1.0.json'];
    const all = data.json<{ data: Asked[] }>(...files, ...files.map((name) => `infographicsvqa_qas/${name}`));
    for (const { questionId, question, image_local_name, answers } of all.data)
      yield {
        id: String(questionId),
        image: data.picture(image_local_name, 'infographicsvqa_images', 'infographicVQA_val_v1.0_images'),
        ...{ question, prompt: question },
        targets: answers,
      };
  },
  published: [],
};
