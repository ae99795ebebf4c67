const LEAST = 0.5;

/**
 * Average normalised Levenshtein similarity of one answer, lower case: the best, over the answers given, of `1 - d` where
 * `d = edits / the longer one's length` is below one half, else 0. An empty answer that is given wants an empty answer.
 *
 * Source: Biten et al. 2019 (arXiv 1907.00490, equation 1), and big_vision's `transfers/vqa.py`. Lengths are in code points.
 */
export function anls(answer: string, answers: readonly string[]): number {
  const said = [...answer.toLowerCase()];
  return answers.reduce((best, one) => Math.max(best, similarity(said, [...one.toLowerCase()])), 0);
}

function similarity(said: string[], wanted: string[]): number {
  if (wanted.length === 0) return said.length === 0 ? 1 : 0;
  const share = edits(said, wanted) / Math.max(said.length, wanted.length);
  return share < LEAST ? 1 - share : 0;
}

/** Levenshtein's distance: insertions, deletions and replacements, one row of the table at a time. */
function edits(from: string[], to: string[]): number {
  let row = to.map((_, j) => j + 1);
  from.forEach((letter, i) => {
    let corner = i;
    let left = i + 1;
    row = row.map((above, j) => {
      left = Math.min(above + 1, left + 1, corner + (letter === to[j] ? 0 : 1));
      corner = above;
      return left;
    });
  });
  return row[to.length - 1] as number;
}
