// A score as lines on a terminal.
import type { Published } from '../benchmark.js';
import { SCALE } from '../measures/measure.js';
import type { Figure } from '../score.js';
import type { Report } from './report.js';

export const shown = (value: number): string => (Number.isNaN(value) ? '-' : (SCALE * value).toFixed(2));

export const intervalShown = ({ interval: { low, high } }: Figure): string => `${shown(low)} to ${shown(high)}`;

const publishedLine = ({ model, resolution, value, of, note }: Published): [string, string] => [
  `${model}, ${resolution} px`,
  [String(value), of, note].filter(Boolean).join(', '),
];

/** Columns with two spaces between them, the first to the left, numbers to the right. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

export function tableOf({ title, split, model, measure, scores, failed, published, settings }: Report): string[] {
  const { interval, count, categories, others } = scores;
  const figures: string[][] = [
    ['', measure, '95 % interval', 'questions'],
    ...Object.entries(categories).map(([name, figure]) => [
      name,
      shown(figure.value),
      intervalShown(figure),
      String(figure.count),
    ]),
    ['all', shown(scores.value), intervalShown(scores), String(count)],
  ];
  const more = Object.entries(others).map(([name, value]) => [name, shown(value)]);
  return [
    `${title}, ${split}${model ? `: ${model}` : ''}`,
    settings,
    '',
    ...columns(figures),
    ...(more.length > 0 ? ['', ...columns(more)] : []),
    '',
    `intervals: ${interval.how}${failed > 0 ? `; ${failed} questions failed and count as wrong` : ''}`,
    ...(published.length > 0
      ? ['', 'published (not measured here):', ...published.map(publishedLine).map((row) => `  ${row.join('  ')}`)]
      : []),
  ];
}
