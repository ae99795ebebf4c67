import type { Benchmark } from '../benchmark.js';
import { COCO_PICTURES } from '../layout/coco.js';
import { hubData } from '../layout/hub.js';
import { yesNo } from '../measures/index.js';
import { answerPrompt } from '../prompts.js';
import { fineTuned, mix } from '../published.js';

interface Line {
  question_id: number;
  image: string;
  text: string;
  label: string;
}

const PARTS = ['random', 'popular', 'adversarial'];

interface Row {
  question_id: string;
  question: string;
  answer: string;
  category: string;
}

const asked = (part: string, id: number | string, question: string, answer: string) => ({
  ...{ id: `${part}/${id}`, question, prompt: answerPrompt(question), targets: answer, category: part },
});

export const pope: Benchmark = {
  name: 'pope',
  title: 'POPE (objects that are not there)',
  sources: [
    {
      files: 'coco_pope_random.json, coco_pope_popular.json and coco_pope_adversarial.json',
      from: 'https://github.com/RUCAIBox/POPE (output/coco)',
    },
    { files: 'val2014/', from: COCO_PICTURES },
  ],
  hub: hubData<Row>({
    ...{ repository: 'lmms-lab/POPE', files: Object.fromEntries(['all', ...PARTS].map((split) => [split, 'test'])) },
    columns: ['question_id', 'question', 'answer', 'category'],
    question: ({ question_id, question, answer, category }, split) =>
      split === 'all' || split === category ? asked(category, question_id, question, answer) : undefined,
  }),
  splits: ['all', ...PARTS],
  prompt: 'answer en {question}',
  request: { maxTokens: 32, locations: false },
  measure: yesNo,
  async *questions(data, split) {
    for (const part of split === 'all' ? PARTS : [split]) {
      const name = `coco_pope_${part}.json`;
      for await (const { question_id, image, text, label } of data.lines<Line>(name, `output/coco/${name}`))
        yield { ...asked(part, question_id, text, label), image: data.picture(image, 'val2014') };
    }
  },
  published: [
    ...fineTuned({ 224: 87.8, 448: 88.23 }, { of: 'random' }),
    ...fineTuned({ 224: 85.87, 448: 86.77 }, { of: 'popular' }),
    ...fineTuned({ 224: 84.27, 448: 85.9 }, { of: 'adversarial' }),
    ...mix({ 224: 88, 448: 89.37 }, { of: 'random' }),
    ...mix({ 224: 86.63, 448: 88.4 }, { of: 'popular' }),
    ...mix({ 224: 85.67, 448: 87.47 }, { of: 'adversarial' }),
  ],
};
