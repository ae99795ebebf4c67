import type { Benchmark } from '../benchmark.js';
import { COCO_PICTURES, cocoPicture } from '../layout/coco.js';
import { soft } from '../measures/index.js';
import { answerPrompt } from '../prompts.js';

interface Asked {
  question_id: string;
  image_id: number;
  question: string;
  direct_answers?: string[];
}

/** Direct answers, not the choice among four. */
export const aokvqa: Benchmark = {
  name: 'aokvqa',
  title: 'A-OKVQA (direct answers)',
  sources: [
    { files: 'aokvqa_v1p0_val.json', from: 'https://allenai.org/project/a-okvqa (aokvqa_v1p0.tar.gz)' },
    { files: 'val2017/', from: COCO_PICTURES },
  ],
  splits: ['val'],
  prompt: 'answer en {question}',
  request: { maxTokens: 32, locations: false },
  measure: soft,
  *questions(data) {
    for (const { question_id, image_id, question, direct_answers } of data.json<Asked[]>('aokvqa_v1p0_val.json'))
      yield {
        id: question_id,
        image: cocoPicture(data, image_id, 'val2017'),
        ...{ question, prompt: answerPrompt(question) },
        targets: direct_answers ?? [],
      };
  },
  published: [],
};
