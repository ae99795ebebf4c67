import { toFloat } from './python.js';

const MOST = 0.05;

/**
 * ChartQA's relaxed correctness, lower case: a number is right within 5 % of the target; what is no number, and a target of 0,
 * must be equal as a text. `x%` is x / 100.
 *
 * Source: Masry et al. 2022 (arXiv 2203.10244, section 5.1), and big_vision's `transfers/chartqa.py`. Numbers are what Python's
 * `float` reads.
 */
export function relaxedAccuracy(answer: string, target: string): boolean {
  const [said, wanted] = [answer.toLowerCase(), target.toLowerCase()];
  const [number, aim] = [value(said), value(wanted)];
  if (number === null || aim === null || aim === 0) return said === wanted;
  return Math.abs(number - aim) / Math.abs(aim) <= MOST;
}

function value(text: string): number | null {
  if (!text.endsWith('%')) return toFloat(text);
  const percent = toFloat(text.replace(/%+$/, ''));
  return percent === null ? null : percent / 100;
}
