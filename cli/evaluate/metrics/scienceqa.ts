/**
 * The letter, a capital as targets have it, that a ScienceQA answer names: `the answer is ([a-z])\.` at its beginning, in any case.
 * Null for an answer of another form, which counts as wrong.
 *
 * Source: big_vision's `transfers/science_qa.py`, after `run_gpt3.py` of lupantech/ScienceQA.
 */
export function scienceQaAnswer(answer: string): string | null {
  return /^the answer is ([a-z])\./.exec(answer.toLowerCase())?.[1]?.toUpperCase() ?? null;
}
