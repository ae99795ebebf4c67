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
  /** What the picture was answered before, so that a failure takes nothing away. */
  before?: { asked: Asked; result: TaskResult };
}

/** By the picture's id. */
export const answers = new Store<ReadonlyMap<number, Answer>>(new Map());

const setAnswer = (id: number, answer: Answer): void => {
  answers.value = new Map(answers.value).set(id, answer);
};

/** A new question to a picture. */
export function beginAnswer(id: number, asked: Asked, state: 'waiting' | 'asking'): void {
  const last = answers.value.get(id);
  const before = last?.result ? { asked: last.asked, result: last.result } : last?.before;
  setAnswer(id, { asked, state, text: '', before });
}

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
