import type { Benchmark } from '../benchmark.js';
import { COCO_PICTURES } from '../layout/coco.js';
import { vqaQuestions } from '../layout/vqa.js';
import { soft } from '../measures/index.js';

export const okvqa: Benchmark = {
  name: 'okvqa',
  title: 'OK-VQA',
  sources: [
    {
      files: 'OpenEnded_mscoco_val2014_questions.json and mscoco_val2014_annotations.json',
      from: 'https://okvqa.allenai.org/download.html',
    },
    { files: 'val2014/', from: COCO_PICTURES },
  ],
  splits: ['val'],
  prompt: 'answer en {question}',
  request: { maxTokens: 32, locations: false },
  measure: soft,
  questions: (data) =>
    vqaQuestions(data, {
      questions: 'OpenEnded_mscoco_val2014_questions.json',
      annotations: 'mscoco_val2014_annotations.json',
      part: 'val2014',
    }),
  published: [],
};
