// A run as one page to look at.
import type { Published } from '../benchmark.js';
import type { PrecisionCurve } from '../detection/average-precision.js';
import { precisionByRecall } from '../measures/boxes.js';
import { precisionByRecallOfMasks } from '../measures/masks.js';
import { type Answered, type Measure, SCALE } from '../measures/measure.js';
import type { Prediction } from '../predictions.js';
import type { Figure } from '../score.js';
import { worstAnswers } from './answers.js';
import { type Bar, lineChart, scoreChart } from './charts.js';
import { escaped, pageOf, tableOf } from './page.js';
import type { Report } from './report.js';
import { intervalShown, shown } from './table.js';

export async function htmlOf(
  report: Report,
  measure: Measure,
  predictions: readonly Prediction[],
  answers: readonly Answered[],
): Promise<string> {
  const { title, split, model, scores, failed, published, settings } = report;
  const rows = [...Object.entries(scores.categories), ['all', scores] as [string, Figure]];
  const others = Object.entries(scores.others).map(([name, value]) => [name, shown(value)]);
  const parts = [
    `<h1>${escaped(title)}, ${escaped(split)}</h1>`,
    `<p>${escaped(model)}<br><span class="quiet">${escaped(settings)}</span></p>`,
    tableOf(
      ['', report.measure, '95 % interval', 'questions'],
      rows.map(([name, figure]) => [name, shown(figure.value), intervalShown(figure), String(figure.count)]),
      3,
    ),
    `<p class="quiet">Intervals: ${scores.interval.how}.${failed > 0 ? ` ${failed} questions failed and count as wrong.` : ''}</p>`,
    scoreChart(
      rows.map(([name, figure]) => barOf(name, figure, published)),
      report.measure,
    ),
    others.length > 0 ? `<h2>Beside it</h2>${tableOf(['', ''], others, 1)}` : '',
    publishedTable(published),
    ...curves(measure, answers),
    '<h2>The worst answers</h2>',
    '<p class="quiet">Green: what was wanted. Orange: what came.</p>',
    await worstAnswers(predictions),
  ];
  return pageOf(`${title}, ${split}`, parts.join('\n'));
}

const barOf = (name: string, { value, interval }: Figure, published: readonly Published[]): Bar => ({
  ...{ name, value: SCALE * value, low: SCALE * interval.low, high: SCALE * interval.high },
  published: published.filter(({ of }) => (of ?? 'all') === name).map((one) => one.value),
});

function publishedTable(published: readonly Published[]): string {
  if (published.length === 0) return '';
  const rows = published.map(({ model, resolution, value, of = '', note = '' }) => [
    ...[model, of, note, `${resolution} px`, String(value)],
  ]);
  return `<h2>Published, not measured here</h2>${tableOf(['', '', '', 'pictures', 'score'], rows, 2)}`;
}

const STEPS = 101;

function curves(measure: Measure, answers: readonly Answered[]): string[] {
  if (measure.name === 'map') return precisionChart(precisionByRecall(answers));
  if (measure.name !== 'masks') return [];
  const reached = (of: (answer: Answered) => number) =>
    Array.from({ length: STEPS }, (_, i): [number, number] => {
      const least = i / (STEPS - 1);
      return [least, answers.filter((answer) => of(answer) >= least).length / answers.length];
    });
  const lines = [
    { name: 'masks', points: reached(({ score }) => score) },
    { name: 'boxes', points: reached(({ detail }) => detail?.boxIou ?? 0) },
  ];
  return [
    ...precisionChart(precisionByRecallOfMasks(answers)),
    ...['<h2>How many reach which overlap</h2>', lineChart('IoU', 'share of answers', lines)],
  ];
}

function precisionChart(curves: readonly PrecisionCurve[]): string[] {
  if (curves.length === 0) return [];
  const lines = curves.map(({ name, precision }) => ({
    name,
    points: precision.map((value, i) => [i / (precision.length - 1), value] as [number, number]),
  }));
  return ['<h2>Precision against recall</h2>', lineChart('recall', 'precision', lines)];
}
