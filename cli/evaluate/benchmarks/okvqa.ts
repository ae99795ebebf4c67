import type { Benchmark } from '../benchmark.js';
import { COCO_PICTURES } from '../layout/coco.js';
import { hubData } from '../layout/hub.js';
import { vqaQuestion, vqaQuestions } from '../layout/vqa.js';
import { soft } from '../measures/index.js';

interface Row {
  question_id: number;
  question: string;
  answers: string[];
  answer_type?: string;
}

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
  hub: hubData<Row>({
    ...{ repository: 'lmms-lab/OK-VQA', files: { val: 'val2014' } },
    ...{ columns: ['question_id', 'question', 'answers'], optional: ['answer_type'] },
    question: ({ answers, ...row }) => vqaQuestion(row, { ...row, answers: answers.map((answer) => ({ answer })) }),
  }),
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
