// One question of a page, put to the model. Pages may be anybody's: what they send is checked here or by the model.
import { invalid, object } from '../base/check.js';
import { type PaliGemmaError, reasonOf, show } from '../base/errors.js';
import type { ImageInput } from '../image/input.js';
import type { PaliGemma } from '../paligemma.js';
import type { TaskName } from '../tasks/index.js';
import type { GenerateRequest, ScoreRequest, TaskRunOptions } from '../types.js';
import type { Question, SentError } from './wire.js';

export interface Answering {
  /** Whether pictures may be named by paths and URLs. */
  paths: boolean;
  signal: AbortSignal;
  /** Gets the answer in pieces. */
  push(text: string): void;
}

/**
 * @returns what can be cloned: what `run`, `generate`, `score` and `encode` give
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT for what is no question, or has a picture that this page may not name; else as the
 *   model does
 */
export async function answerQuestion(model: PaliGemma, question: Question, how: Answering): Promise<unknown> {
  const { signal } = how;
  object('a question', question);
  if (question.kind === 'info') return model.info;
  const images = pictures(question.images, how.paths);
  if (question.kind === 'encode') return model.encode(images?.[0] as ImageInput, { signal });
  const options = { ...question.options, signal };
  if (question.kind === 'score') return model.score({ ...options, images } as ScoreRequest);
  if (question.kind === 'generate') {
    const request = { ...options, images } as GenerateRequest;
    return question.stream ? inPieces(model.stream(request), how) : model.generate(request);
  }
  if (question.kind !== 'run') throw invalid(`no such question: ${show((question as { kind: unknown }).kind)}`);
  const task = question.task as TaskName;
  const asked = options as TaskRunOptions<TaskName>;
  return question.stream ? inPieces(model.stream(task, images, asked), how) : model.run(task, images, asked);
}

async function inPieces(stream: AsyncIterable<string> & { result: Promise<unknown> }, { push }: Answering) {
  for await (const text of stream) push(text);
  return stream.result;
}

function pictures(images: unknown, paths: boolean): ImageInput[] | null {
  if (images === null) return null;
  if (!Array.isArray(images)) throw invalid(`images must be an array or null, not ${show(images)}`);
  if (!paths)
    for (const image of images)
      if (typeof image === 'string' && !/^data:/i.test(image))
        throw invalid(
          `a page must give the picture itself (File, Blob, bytes, ImageData or a data: URL), not name it (${show(image)}); ` +
            'the option paths of servePages allows names',
        );
  return images;
}

/** An error as plain data. */
export function sentError(error: unknown): SentError {
  const { name, code, signal } = (typeof error === 'object' && error !== null ? error : {}) as Partial<PaliGemmaError>;
  const message = reasonOf(error);
  if ((name as string) !== 'PaliGemmaError' || code === undefined) return { name: name ?? 'Error', message };
  return { name: 'PaliGemmaError', message, code, ...(signal ? { signal } : {}) };
}
