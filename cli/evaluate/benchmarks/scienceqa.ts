import type { Benchmark } from '../benchmark.js';
import { hubData } from '../layout/hub.js';
import { letter } from '../measures/index.js';
import { choosePrompt } from '../prompts.js';
import { fineTuned, second } from '../published.js';

interface Problem {
  question: string;
  choices: string[];
  /** Place of the right choice. */
  answer: number;
  hint: string;
  image: string | null;
  subject: string;
  split: string;
}

const letterAt = (index: number) => String.fromCharCode(65 + index);

type Row = Omit<Problem, 'image' | 'split'>;

const asked = (id: string, { question, choices, answer, hint, subject }: Row) => ({
  ...{ id, question, prompt: choosePrompt(question, choices, hint), targets: letterAt(answer), category: subject },
});

/** Questions with pictures alone: those that the published scores are of. */
export const scienceqa: Benchmark = {
  name: 'scienceqa',
  title: 'ScienceQA (questions with a picture)',
  sources: [
    {
      files: 'problems.json, pid_splits.json and images/SPLIT/ID/image.png',
      from: 'https://github.com/lupantech/ScienceQA (data/scienceqa, and its tools/download.sh)',
    },
  ],
  hub: hubData<Row>({
    ...{ repository: 'derek-thomas/ScienceQA', files: { test: 'test', val: 'validation' } },
    ...{ columns: ['question', 'choices', 'answer', 'hint', 'subject'], somePictures: true },
    question: (row, _, place) => asked(String(place), row),
  }),
  splits: ['test', 'val', 'minitest', 'minival'],
  prompt: 'Question: {question}\\nContext: {hint}\\nOptions: (A) {choice}, (B) {choice}\\nAnswer:',
  request: { maxTokens: 32, locations: false },
  measure: letter,
  *questions(data, split) {
    const problems = data.json<Record<string, Problem>>('problems.json');
    const ids = data.json<Record<string, string[]>>('pid_splits.json')[split];
    if (!ids) throw data.missing(`the split ${split} in pid_splits.json`);
    for (const id of ids) {
      const problem = problems[id];
      if (!problem) throw data.missing(`problem ${id} in problems.json`);
      const { image, split: of } = problem;
      if (image) yield { ...asked(id, problem), image: data.picture(image, `images/${of}/${id}`, `${of}/${id}`) };
    }
  },
  published: [...fineTuned({ 224: 95.4, 448: 95.9 }), ...second({ 224: [96.1, 98.2, 98.2], 448: [96.2, 98.5, 98.6] })],
};
