// A task on a model: asked, answered, and made a result of.
import { checkSignal, invalid, object } from '../base/check.js';
import type { ImageInput } from '../image/input.js';
import { checkOptions, type Options } from '../tasks/option.js';
import type { Task } from '../tasks/task.js';
import type { Generation } from '../types.js';
import type { Answered, Requests } from './requests.js';

/** A result with what it took to get it. */
export interface Run<R> extends Generation {
  result: R;
}

/** A task whose options are checked. */
export interface Asked<R> {
  /** @param push gets the text in pieces as it comes */
  answer(
    requests: Requests,
    images: ImageInput[],
    maskDecoder: boolean,
    push?: (text: string) => void,
  ): Promise<Run<R>>;
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT */
export function askTask<O extends Options, R>(task: Task<O, R>, options: object): Asked<R> {
  object('options', options);
  const { signal } = options as { signal?: AbortSignal };
  checkSignal(signal);
  const own = checkOptions(task.options, options, `the task ${task.name}`);
  const { answers, constraint, ...ask } = task.ask(own);
  const chosen = checkOptions(task.sampling, options, `the task ${task.name}`);
  const settings = { locations: false, ...ask, ...chosen };
  return {
    async answer(requests, images, maskDecoder, push) {
      const request = { ...settings, images };
      const decodeMasks = maskDecoder ? (codes: number[][]) => requests.decodeMasks(codes, signal) : null;
      const result = (answered: Answered[], best = answered[0] as Answered, scores: number[] = []) => {
        const { text, finishReason } = best.generation;
        const answer = { text, cut: finishReason === 'length', pieces: best.pieces, sizes: best.sizes, scores };
        return task.result(answer, own, { decodeMasks });
      };
      if (answers) {
        const scored = await Promise.all(
          answers.map((forced) => requests.generate({ ...request, logprobs: 0 }, signal, undefined, { forced })),
        );
        const scores = scored.map(({ generation }) => logprobOf(generation));
        const best = scored[scores.indexOf(Math.max(...scores))] as Answered;
        return { ...total(scored, best), result: await result(scored, best, scores) };
      }
      const pieces = task.streams ? {} : { logprobs: 0 };
      const answered = await requests.generate({ ...pieces, ...request }, signal, push, constraint && { constraint });
      return { ...withoutPieces(answered.generation, task.streams), result: await result([answered]) };
    },
  };
}

/**
 * The pictures that a task is about.
 * @param given one, several, or null for none
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT when they are too few or too many
 */
export function picturesOf({ name, images: { least, most } }: Task, given: unknown): ImageInput[] {
  const images: ImageInput[] = Array.isArray(given) ? given : given === null ? [] : [given];
  if (given === undefined) throw invalid(`give the task ${name} an image${least === 0 ? ', or null for none' : ''}`);
  if (images.length < least) throw invalid(`the task ${name} needs an image`);
  if (images.length > most) throw invalid(`the task ${name} is about one image, not ${images.length}`);
  return images;
}

/** Log-probability of a whole answer and its end. */
export const logprobOf = ({ logprobs = [] }: Generation): number =>
  logprobs.reduce((sum, { logprob }) => sum + logprob, 0);

/** Log-probabilities that the task needs for itself are none that the caller asked for. */
function withoutPieces({ logprobs, ...rest }: Generation, asked: boolean): Generation {
  return asked && logprobs ? { ...rest, logprobs } : rest;
}

/** The best of several answers, with what all of them took. */
function total(scored: Answered[], best: Answered): Generation {
  const sum = <T extends object>(parts: T[]): T =>
    Object.fromEntries(
      Object.keys(parts[0] as T).map((name) => [
        name,
        parts.reduce((all, part) => all + (part[name as keyof T] as number), 0),
      ]),
    ) as T;
  const all = scored.map(({ generation }) => generation);
  return {
    ...withoutPieces(best.generation, false),
    usage: sum(all.map(({ usage }) => usage)),
    timings: sum(all.map(({ timings }) => timings)),
  };
}
