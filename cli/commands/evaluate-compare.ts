import { Command } from 'commander';
import { invalid } from 'node-paligemma/support';
import { type Comparison, compare } from '../evaluate/compare.js';
import { predictionsIn } from '../evaluate/evaluation.js';
import { SCALE } from '../evaluate/measures/measure.js';
import type { Prediction } from '../evaluate/predictions.js';
import { columns, shown } from '../evaluate/report/table.js';
import { judge } from '../evaluate/score.js';
import { numeric, print } from './common.js';

interface Options {
  json?: boolean;
  show: number;
}

export function evaluateCompareCommand(): Command {
  return new Command('compare')
    .exitOverride()
    .description('tell how far two files of predictions are apart, and where they differ')
    .argument('<a.jsonl>', 'predictions of a run')
    .argument('<b.jsonl>', 'predictions of another run on the same questions')
    .option('--show <n>', 'so many of the questions that have other scores', numeric, 10)
    .option('--json', 'print JSON, with all of them')
    .action(run);
}

async function run(fileA: string, fileB: string, { json, show }: Options): Promise<void> {
  if (!(show >= 0)) throw invalid(`show must be 0 or more, not ${show}`);
  const [a, b] = [await predictionsIn(fileA), await predictionsIn(fileB)];
  const { measure, benchmark } = a.evaluation;
  for (const name of ['split', 'metric'] as const)
    if (a.evaluation[name] !== b.evaluation[name])
      throw invalid(`${fileA} is of ${name} ${a.evaluation[name]}, ${fileB} of ${b.evaluation[name]}`);
  if (benchmark !== b.evaluation.benchmark)
    throw invalid(`${fileA} is of ${benchmark.name}, ${fileB} of ${b.evaluation.benchmark.name}`);
  const [judgedA, judgedB] = [await judge(measure, a.predictions), await judge(measure, b.predictions)];
  const comparison = compare(measure, judgedA.answers, judgedB.answers);
  const asked = new Map(judgedA.predictions.map((prediction) => [prediction.id, prediction]));
  const differing = comparison.differing.map(({ a, b }) => ({
    ...aboutOf(asked.get(a.id)),
    a: { prediction: a.prediction, score: a.score },
    b: { prediction: b.prediction, score: b.score },
  }));
  const models = { a: judgedA.predictions[0]?.model, b: judgedB.predictions[0]?.model };
  const about = { benchmark: benchmark.name, split: a.evaluation.split, measure: measure.title, models };
  if (json) return print(JSON.stringify({ ...about, ...comparison, differing }));
  for (const line of tableOf(comparison, [models.a ?? fileA, models.b ?? fileB], measure.title)) print(line);
  const few = differing.slice(0, show);
  for (const { id, image, question, targets, a, b } of few) {
    print(`\n${[id, image, question].filter(Boolean).join('  ')}`);
    print(`  wanted  ${inShort(targets)}\n  a ${shown(a.score)}  ${inShort(a.prediction)}`);
    print(`  b ${shown(b.score)}  ${inShort(b.prediction)}`);
  }
}

const aboutOf = ({ id, image, question, targets }: Partial<Prediction> = {}) => ({ id, image, question, targets });

const LONGEST = 200;

function inShort(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}

function tableOf({ count, a, b, difference, test, differing }: Comparison, names: string[], title: string): string[] {
  const sign = (value: number) => `${value > 0 ? '+' : ''}${(SCALE * value).toFixed(2)}`;
  const few = test.name === 'McNemar, exact' ? `; only a is right in ${test.onlyA}, only b in ${test.onlyB}` : '';
  return [
    ...columns([
      ['', title],
      [`a: ${names[0]}`, shown(a)],
      [`b: ${names[1]}`, shown(b)],
      ['b - a', sign(difference.value)],
    ]),
    `95 % interval of the difference: ${sign(difference.low)} to ${sign(difference.high)} (bootstrap of pairs)`,
    `p = ${test.p.toPrecision(3)} (${test.name}${few})`,
    `${differing.length} of ${count} questions have other scores`,
  ];
}
