import type { Benchmark, Question } from '../benchmark.js';
import { EMOJI_FOLDER } from '../emoji-folder.js';
import { DataFolder } from '../layout/data-folder.js';
import { boxes, exact, masks } from '../measures/index.js';

interface Line extends Question {
  split: string;
}

/** Drawn scenes for the embedded model, which come with the package; bench/quality/emoji-scenes.mjs draws them. */
export const emoji: Benchmark = {
  name: 'emoji',
  title: 'emoji scenes',
  sources: [],
  splits: ['answers', 'boxes', 'masks'],
  prompt: 'caption en; ocr; answer en {question}; detect {labels}; segment {label}',
  request: { maxTokens: 100 },
  measure: (split) => ({ boxes, masks })[split] ?? exact,
  async *questions(_, split) {
    const data = new DataFolder(EMOJI_FOLDER, emoji);
    for await (const { split: of, image, ...question } of data.lines<Line>('questions.jsonl'))
      if (of === split) yield { ...question, image: data.picture(image, '.') };
  },
  published: [],
};
