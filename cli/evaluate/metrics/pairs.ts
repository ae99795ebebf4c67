/**
 * Share of pairs in which both answers are right, as MMVP counts; 0 of no pairs.
 *
 * Source: Tong et al. 2024 (arXiv 2401.06209).
 */
export function pairAccuracy(pairs: readonly (readonly [boolean, boolean])[]): number {
  return pairs.length === 0 ? 0 : pairs.filter(([first, second]) => first && second).length / pairs.length;
}
