// RefCOCO's score of masks, one for each expression.
import { type PrecisionCurve, precisions } from '../detection/average-precision.js';
import { segmentationScore } from '../metrics/index.js';
import { type Answered, type Measure, mean, text } from './measure.js';

type Truth = Parameters<typeof segmentationScore>[1];

export const masks: Measure = {
  name: 'masks',
  title: 'mean IoU of masks',
  kind: 'share',
  needsModel: true,
  byConfidence: true,
  async judge(prediction, targets, { decodeMasks }) {
    const { maskIou, boxIou } = await segmentationScore(text(prediction), targets as Truth, decodeMasks);
    return { score: maskIou, detail: { boxIou } };
  },
  others(answers) {
    const at = (least: number) => mean(answers.map((answer) => (boxIou(answer) >= least ? 1 : 0)));
    return {
      'box IoU': mean(answers.map(boxIou)),
      'box at 0.5': at(0.5),
      'box at 0.75': at(0.75),
    };
  },
};

const boxIou = ({ detail }: Answered): number => detail?.boxIou ?? 0;

/** Answers in the order of their confidence. Empty where no answer says how sure it is. */
export function precisionByRecallOfMasks(answers: readonly Answered[]): PrecisionCurve[] {
  if (answers.every(({ confidence }) => confidence === undefined)) return [];
  const curve = (of: (answer: Answered) => number, least: number): number[] => {
    // An answer without a box is none.
    const found = answers.map((answer) => ({
      wanted: 1,
      scores: /<loc\d{4}>/.test(text(answer.prediction)) ? [answer.confidence ?? 0] : [],
      outcomes: [Int8Array.of(of(answer) >= least ? 1 : 0)],
    }));
    return [...(precisions(found, 0) ?? [])];
  };
  return [
    { name: 'masks, IoU of 0.5 or more', precision: curve(({ score }) => score, 0.5) },
    { name: 'masks, 0.75', precision: curve(({ score }) => score, 0.75) },
    { name: 'boxes, 0.5', precision: curve(boxIou, 0.5) },
  ];
}
