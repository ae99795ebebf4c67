export interface PopeScores {
  /** Share of answers that are the target. */
  accuracy: number;
  /** Share of answers that are yes or no. */
  valid: number;
  /** Of the answers yes, the share whose target is yes. */
  precision: number;
  /** Of the targets yes, the share answered yes. */
  recall: number;
  /** `2 * precision * recall / (precision + recall)` */
  f1: number;
}

/**
 * POPE's scores with yes as the positive class. Answers are compared in lower case and as they are: `yes.` is neither. A share of
 * nothing is 0.
 *
 * Source: Li et al. 2023 (arXiv 2305.10355), and big_vision's `transfers/pope.py`.
 */
export function popeScores(pairs: readonly (readonly [answer: string, target: string])[]): PopeScores {
  const said = pairs.map(([answer, target]) => [answer.toLowerCase(), target] as const);
  const count = (fits: (answer: string, target: string) => boolean) => said.filter((pair) => fits(...pair)).length;
  const hits = count((answer, target) => answer === 'yes' && target === 'yes');
  const precision = share(
    hits,
    count((answer) => answer === 'yes'),
  );
  const recall = share(
    hits,
    count((_, target) => target === 'yes'),
  );
  return {
    accuracy: share(
      count((answer, target) => answer === target),
      pairs.length,
    ),
    valid: share(
      count((answer) => answer === 'yes' || answer === 'no'),
      pairs.length,
    ),
    precision,
    recall,
    f1: share(2 * precision * recall, precision + recall),
  };
}

const share = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
