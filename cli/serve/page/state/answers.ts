import type { RequestError } from '../server/failure';
import type { TaskResult } from '../server/types';
import type { Asked } from '../tasks/asked';
import { Store } from './store';

export interface Answer {
  asked: Asked;
  state: 'waiting' | 'asking' | 'done' | 'failed' | 'stopped';
  /** As far as it came. */
  text: string;
  /** What it waits for. */
  note?: string;
  result?: TaskResult;
  error?: RequestError;
}

/** By the picture's id. */
export const answers = new Store<ReadonlyMap<number, Answer>>(new Map());

export const setAnswer = (id: number, answer: Answer): void => {
  answers.value = new Map(answers.value).set(id, answer);
};

export function changeAnswer(id: number, part: Partial<Answer>): void {
  const answer = answers.value.get(id);
  if (answer) setAnswer(id, { ...answer, ...part });
}

export function forgetAnswer(id: number): void {
  const rest = new Map(answers.value);
  rest.delete(id);
  answers.value = rest;
}

export const forgetAnswers = (): void => {
  answers.value = new Map();
};
