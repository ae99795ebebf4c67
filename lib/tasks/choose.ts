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
 * or after `The answer is`.
 */
export function parseChoice(answer: string, { choices }: MultipleChoice): Choice {
  const said = answer
    .trim()
    .replace(/^the answer is:?\s*/i, '')
    .replace(/\.$/, '')
    .trim();
  const letter =
    /^\(?([A-Za-z])\)?[.:)]?$/.exec(said)?.[1] ?? /^\(?([A-Z])[).:]/.exec(said)?.[1] ?? /\(([A-Z])\)/.exec(said)?.[1];
  const named = choices.findIndex((choice) => same(choice, said));
  const lettered = letter ? letter.toUpperCase().charCodeAt(0) - 'A'.charCodeAt(0) : -1;
  const index = named >= 0 ? named : lettered < choices.length ? lettered : -1;
  if (index < 0) return { index: null, letter: null, text: null, answer };
  return { index, letter: letterOf(index), text: choices[index] as string, answer };
}

const same = (choice: string, said: string) => choice.trim().replace(/\.$/, '').toLowerCase() === said.toLowerCase();

/** Probabilities from log-probabilities, adding up to 1. */
export function softmax(logprobs: number[]): number[] {
  const largest = Math.max(...logprobs);
  const weights = logprobs.map((logprob) => Math.exp(logprob - largest));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}
