// Types of a checkpoint beside each other.
import { SCALE } from '../measures/measure.js';
import type { TypeResult } from '../types.js';
import { columns, shown } from './table.js';

export interface TypesReport {
  title: string;
  split: string;
  model: string;
  measure: string;
  settings: string;
  count: number;
  types: TypeResult[];
}

const MEGA = 1e6;
const megabytes = (bytes: number) => (bytes / MEGA).toFixed(1);
const range = ({ interval: { low, high } }: TypeResult) => `${shown(low)} to ${shown(high)}`;

const rowsOf = (types: readonly TypeResult[]): string[][] =>
  types.map((one) => [
    `${one.type} / ${one.visionType}`,
    ...[megabytes(one.weights), one.questionsPerSecond.toFixed(2), shown(one.value), range(one)],
    ...Object.values(one.others).map(shown),
  ]);

const headOf = ({ measure, types }: TypesReport): string[] => [
  ...['text / vision', 'weights, MB', 'questions/s', measure, '95 % interval'],
  ...Object.keys(types[0]?.others ?? {}),
];

export function typesTable(report: TypesReport): string[] {
  const { title, split, model, settings, count, types } = report;
  return [
    `${title}, ${split}: ${model}, ${count} questions`,
    settings,
    '',
    ...columns([headOf(report), ...rowsOf(types)]),
  ];
}

export async function typesPage(report: TypesReport): Promise<string> {
  const [{ pointChart }, { escaped, pageOf, tableOf }] = await Promise.all([
    import('./charts.js'),
    import('./page.js'),
  ]);
  const { title, split, model, settings, count, types, measure } = report;
  const points = (x: (one: TypeResult) => number) =>
    types.map((one) => ({
      ...{ name: one.type, x: x(one), y: SCALE * one.value },
      ...{ low: SCALE * one.interval.low, high: SCALE * one.interval.high },
    }));
  const head = headOf(report);
  return pageOf(
    `${title}, ${split}`,
    [
      `<h1>${escaped(title)}, ${escaped(split)}</h1>`,
      `<p>${escaped(model)}, ${count} questions<br><span class="quiet">${escaped(settings)}</span></p>`,
      tableOf(head, rowsOf(types), head.length - 1),
      '<h2>Score against size</h2>',
      pointChart(
        'weights, MB',
        measure,
        points(({ weights }) => weights / MEGA),
      ),
      '<h2>Score against speed</h2>',
      pointChart(
        'questions a second',
        measure,
        points(({ questionsPerSecond }) => questionsPerSecond),
      ),
    ].join('\n'),
  );
}
