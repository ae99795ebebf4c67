// Questions and answers as the VQA challenges give them out: in two files, with ten answers each.
import type { Question } from '../benchmark.js';
import { answerPrompt } from '../prompts.js';
import { cocoPicture } from './coco.js';
import type { DataFolder } from './data-folder.js';

interface Questions {
  questions: { question_id: number; image_id: number; question: string }[];
}
interface Annotation {
  answers: { answer: string }[];
  answer_type?: string;
}
interface Annotations {
  annotations: (Annotation & { question_id: number })[];
}

export const vqaQuestion = (
  { question_id, question }: { question_id: number; question: string },
  { answers, answer_type }: Annotation,
) => ({
  ...{ id: String(question_id), question, prompt: answerPrompt(question) },
  ...{ targets: answers.map(({ answer }) => answer), category: answer_type },
});

/** @param part of COCO that the pictures are of */
export function* vqaQuestions(
  data: DataFolder,
  files: { questions: string; annotations: string; part: string },
): Generator<Question> {
  const { questions } = data.json<Questions>(files.questions);
  const { annotations } = data.json<Annotations>(files.annotations);
  const known = new Map(annotations.map((annotation) => [annotation.question_id, annotation]));
  for (const asked of questions) {
    const annotation = known.get(asked.question_id);
    if (!annotation) throw data.missing(`an answer to question ${asked.question_id} in ${files.annotations}`);
    yield { ...vqaQuestion(asked, annotation), image: cocoPicture(data, asked.image_id, files.part) };
  }
}
