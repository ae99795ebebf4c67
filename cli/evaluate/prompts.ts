// Prompts as the tasks of the library make them.
import { tasks } from 'node-paligemma';

export const answerPrompt = (question: string): string => tasks.answer.ask({ question }).prompt;

export const captionPrompt = (language = 'en'): string => tasks.caption.ask({ language }).prompt;

export const choosePrompt = (question: string, choices: string[], context: string): string =>
  tasks.choose.ask({ question, choices, context }).prompt;
