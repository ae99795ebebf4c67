import path from 'node:path';
import { invalid } from 'node-paligemma/support';
import type { Benchmark, Question } from '../benchmark.js';
import { DataFolder } from '../layout/data-folder.js';
import { exact } from '../measures/index.js';
import { answerPrompt, captionPrompt } from '../prompts.js';

interface Line extends Partial<Omit<Question, 'targets'>> {
  answer?: unknown;
  answers?: unknown;
}

/** A set of one's own: `--data FILE.jsonl --metric NAME`. */
export const custom: Benchmark = {
  name: 'custom',
  title: 'a set of your own',
  sources: [
    {
      files: 'a .jsonl file with image, question (or prompt, or labels) and answer (or answers) in each line',
      from: 'you',
    },
  ],
  splits: ['all'],
  prompt: 'answer en {question}, or the prompt of the line',
  request: { locations: false },
  measure: exact,
  async *questions(data) {
    const folder = new DataFolder(path.dirname(path.resolve(data.root)), custom);
    let number = 0;
    for await (const line of folder.lines<Line>(path.basename(data.root))) {
      number++;
      const targets = line.answers ?? line.answer;
      if (typeof line.image !== 'string' || targets === undefined)
        throw invalid(`${data.root}, question ${number}: it needs "image" and "answer" or "answers"`);
      const { id = number, question, prompt, labels, category, group } = line;
      const asked = question === undefined ? captionPrompt() : answerPrompt(question);
      yield {
        id: String(id),
        image: path.resolve(folder.root, line.image),
        ...(labels ? { labels } : { question, prompt: prompt ?? asked }),
        ...{ targets, category, group },
      };
    }
  },
  published: [],
};
