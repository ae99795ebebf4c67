// Prompts as the models were trained with them, and plain questions.

/** Of the captions and questions that the models were trained with: COCO-35L's, and English. */
const LANGUAGES =
  'ar|bn|cs|da|de|el|en|es|fa|fi|fil|fr|he|hi|hr|hu|id|it|iw|ja|ko|mi|nl|no|pl|pt|quz|ro|ru|sv|sw|te|th|tr|uk|vi|zh';

const TASK_PROMPTS = [
  new RegExp(`^(caption|cap|describe|answer|question) (${LANGUAGES})(\\s|$)`),
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
