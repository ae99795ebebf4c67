// Questions on documents as the Robust Reading Competition gives them out: one file, with all answers that count.
import type { DataFolder } from './data-folder.js';

export interface DocumentQuestion {
  questionId: number | string;
  question: string;
  question_types?: string[] | null;
  answers: string[];
}

export const DOCUMENT_COLUMNS = ['questionId', 'question', 'answers'] as const;

export const documentQuestion = ({ questionId, question, question_types, answers }: DocumentQuestion) => ({
  ...{ id: String(questionId), question, prompt: question },
  ...{ targets: answers, category: question_types?.[0] },
});

/** @param names of the file: in the folder itself, or in that of the questions as the archive has it */
export const documentQuestions = <T extends DocumentQuestion>(
  data: DataFolder,
  folder: string,
  ...names: string[]
): T[] => data.json<{ data: T[] }>(...names, ...names.map((name) => `${folder}/${name}`)).data;
