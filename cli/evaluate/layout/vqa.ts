// Questions and answers as the VQA challenges give them out: in two files, with ten answers each.
import type { Question } from '../benchmark.js';
import { answerPrompt } from '../prompts.js';
import { cocoPicture } from './coco.js';
import type { DataFolder } from './data-folder.js';

interface Questions {
  questions: { question_id: number; image_id: number; question: string }[];
}
interface Annotations {
  annotations: { question_id: number; answers: { answer: string }[]; answer_type?: string; question_type?: string }[];
}

/** @param part of COCO that the pictures are of */
export function* vqaQuestions(
  data: DataFolder,
  files: { questions: string; annotations: string; part: string },
): Generator<Question> {
  const { questions } = data.json<Questions>(files.questions);
  const { annotations } = data.json<Annotations>(files.annotations);
  const known = new Map(annotations.map((annotation) => [annotation.question_id, annotation]));
  for (const { question_id, image_id, question } of questions) {
    const annotation = known.get(question_id);
    if (!annotation) throw data.missing(`an answer to question ${question_id} in ${files.annotations}`);
    yield {
      id: String(question_id),
      image: cocoPicture(data, image_id, files.part),
      ...{ question, prompt: answerPrompt(question) },
      targets: annotation.answers.map(({ answer }) => answer),
      category: annotation.answer_type,
    };
  }
}
