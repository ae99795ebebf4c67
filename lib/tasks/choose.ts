import { type JsonSchema, record } from './json-schema.js';
import { textList } from './option.js';
import { sampling } from './sampling.js';
import { task } from './task.js';
import { question } from './words.js';

/** A question with several answers, of which one is right. */
export interface MultipleChoice {
  question: string;
  /** Two to twenty-six. */
  choices: string[];
  /** What helps to answer: ScienceQA's hint or lecture. Default none. */
  context?: string;
}

export interface Choice {
  /** Place of the chosen answer in `choices`; null when the model's answer names none. */
  index: number | null;
  /** `A`, `B`, ... */
  letter: string | null;
  /** The chosen answer. */
  text: string | null;
  /** What the model wrote, or would have written. */
  answer: string;
  /** One a choice, adding up to 1, when they were asked for. */
  probabilities?: number[];
}

export const letterOf = (index: number): string => String.fromCharCode('A'.charCodeAt(0) + index);

/** ScienceQA's prompt, as the `ft-scienceqa` checkpoints were trained with. */
export function choosePrompt({ question, choices, context = '' }: MultipleChoice): string {
  const options = choices.map((choice, i) => `(${letterOf(i)}) ${choice}`).join(', ');
  return `Question: ${question}\nContext: ${context}\nOptions: ${options}\nAnswer:`;
}

/** The answer that such a checkpoint was trained to give. */
export const chooseAnswer = (index: number): string => `The answer is ${letterOf(index)}.`;

/**
 * Finds the chosen answer in what the model wrote: `The answer is B.`, a letter alone, `(B)`, or the text of a choice, alone
 * or after `The answer is`. The prompt asks for a letter, so a letter that stands for a choice goes before a choice of that text.
 */
export function parseChoice(answer: string, { choices }: MultipleChoice): Choice {
  const said = answer
    .trim()
    .replace(/^the answer is:?\s*/i, '')
    .replace(/\.$/, '')
    .trim();
  const lettered = (pattern: RegExp) => {
    const index = indexOfLetter(pattern.exec(said)?.[1]);
    return index < choices.length ? index : -1;
  };
  const readings = [
    lettered(/^\(?([A-Za-z])\)?[.:)]?$/),
    choices.findIndex((choice) => same(choice, said)),
    lettered(/^\(?([A-Z])[).:]/),
    lettered(/\(([A-Z])\)/),
  ];
  const index = readings.find((found) => found >= 0);
  return index === undefined ? { index: null, letter: null, text: null, answer } : choiceAt(index, choices, answer);
}

export const choiceAt = (index: number, choices: string[], answer = chooseAnswer(index)): Choice => ({
  index,
  letter: letterOf(index),
  text: choices[index] as string,
  answer,
});

const indexOfLetter = (letter: string | undefined): number =>
  letter === undefined ? -1 : letter.toUpperCase().charCodeAt(0) - 'A'.charCodeAt(0);

const same = (choice: string, said: string) => choice.trim().replace(/\.$/, '').toLowerCase() === said.toLowerCase();

/** Probabilities from log-probabilities, adding up to 1. */
export function softmax(logprobs: number[]): number[] {
  const largest = Math.max(...logprobs);
  const weights = logprobs.map((logprob) => Math.exp(logprob - largest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

const orNull = (type: 'integer' | 'string'): JsonSchema => ({ type: [type, 'null'] });

/** Multiple choice, with ScienceQA's prompt. */
export const choose = task({
  name: 'choose',
  summary: 'answer a multiple-choice question, with or without an image',
  images: { least: 0, most: 1 },
  options: {
    question,
    choices: {
      schema: { ...textList, minItems: 2, maxItems: 26 },
      value: 'text',
      flag: 'choice',
      help: 'an answer to choose from; give two or more',
      required: true,
    },
    context: { schema: { type: 'string' }, value: 'text', help: 'what helps to answer', expected: 'a text' },
    score: { schema: { type: 'boolean' }, help: 'give the probability of every choice', default: false },
  },
  sampling,
  impliedBy: 'choices',
  streams: false,
  ask: ({ score = false, ...question }) => ({
    prompt: choosePrompt(question),
    ...(score && { answers: question.choices.map((_, i) => chooseAnswer(i)) }),
  }),
  result({ text, scores }, { score = false, ...question }): Choice {
    if (!score) return parseChoice(text, question);
    const probabilities = softmax(scores);
    const best = probabilities.indexOf(Math.max(...probabilities));
    return { ...choiceAt(best, question.choices), probabilities };
  },
  json: {
    field: 'choice',
    schema: record(
      {
        index: { ...orNull('integer'), minimum: 0, maximum: 25 },
        letter: orNull('string'),
        text: orNull('string'),
        answer: { type: 'string' },
        probabilities: { type: 'array', items: { type: 'number', minimum: 0, maximum: 1 } },
      },
      ['probabilities'],
    ),
    of: (choice: Choice) => choice,
  },
});
