/**
 * `min(n / 3, 1)` with n the people's answers that are equal to the answer, nothing normalised: OK-VQA's and A-OKVQA's direct
 * answers.
 *
 * Source: `eval_predictions.py` of allenai/aokvqa, and big_vision's `transfers/vqa.py`.
 */
export function softAccuracy(answer: string, answers: readonly string[]): number {
  return Math.min(answers.filter((one) => one === answer).length / 3, 1);
}
