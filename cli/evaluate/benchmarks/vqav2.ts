import type { Benchmark } from '../benchmark.js';
import { COCO_PICTURES } from '../layout/coco.js';
import { hubData } from '../layout/hub.js';
import { vqaQuestion, vqaQuestions } from '../layout/vqa.js';
import { vqa } from '../measures/index.js';
import { fineTuned, second, TEST_SERVER } from '../published.js';

interface Row {
  question_id: number;
  question: string;
  answers: { answer: string }[];
  answer_type?: string;
}

export const vqav2: Benchmark = {
  name: 'vqav2',
  title: 'VQAv2',
  sources: [
    {
      files: 'v2_OpenEnded_mscoco_val2014_questions.json and v2_mscoco_val2014_annotations.json',
      from: 'https://visualqa.org/download.html',
    },
    { files: 'val2014/', from: COCO_PICTURES },
  ],
  hub: hubData<Row>({
    ...{ repository: 'lmms-lab/VQAv2', files: { val: 'validation' } },
    ...{ columns: ['question_id', 'question', 'answers'], optional: ['answer_type'] },
    question: (row) => vqaQuestion(row, row),
  }),
  splits: ['val'],
  prompt: 'answer en {question}',
  request: { maxTokens: 32, locations: false },
  measure: vqa,
  questions: (data) =>
    vqaQuestions(data, {
      questions: 'v2_OpenEnded_mscoco_val2014_questions.json',
      annotations: 'v2_mscoco_val2014_annotations.json',
      part: 'val2014',
    }),
  published: [
    ...fineTuned({ 224: 83.2, 448: 85.6 }, TEST_SERVER),
    ...second({ 224: [83, 84.3, 84.5], 448: [84.8, 85.8, 85.8] }, TEST_SERVER),
  ],
};
