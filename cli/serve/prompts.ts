// Prompts as the models were trained with them, and plain questions.
import { LANGUAGES } from './page/tasks/languages.js';

/** Of the captions and questions that the models were trained with: those of the page, and two older codes. */
const CODES = [...LANGUAGES, 'iw', 'quz'].join('|');

const TASK_PROMPTS = [
  new RegExp(`^(caption|cap|describe|answer|question) (${CODES})(\\s|$)`),
  /^ocr\s*$/,
  /^(detect|segment) \S/,
  /^Question: .*\nAnswer:\s*$/s, // ScienceQA's
];

export const isTaskPrompt = (prompt: string): boolean => TASK_PROMPTS.some((pattern) => pattern.test(prompt));

/** A plain question as the models were trained to answer it. What is a prompt of theirs stays as it is. */
export const friendly = (prompt: string): string =>
  prompt.trim() === '' || isTaskPrompt(prompt) ? prompt : `answer en ${prompt.trim()}`;

/** The names that a prompt asks to find or to outline. */
export function namesIn(prompt: string): { task: 'detect' | 'segment'; labels: string } | undefined {
  const match = /^(detect|segment) (\S.*)$/s.exec(prompt);
  return match ? { task: match[1] as 'detect' | 'segment', labels: match[2] as string } : undefined;
}
