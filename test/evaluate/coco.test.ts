// Average precision and masks beside pycocotools, whose values are in the fixture.
import { describe, expect, test } from '@jest/globals';
import { type Box, overlap } from '../../cli/evaluate/detection/match.js';
import { maskOf } from '../../cli/evaluate/detection/polygons.js';
import { boxes } from '../../cli/evaluate/measures/boxes.js';
import { precisionByRecallOfMasks } from '../../cli/evaluate/measures/masks.js';
import type { Answered } from '../../cli/evaluate/measures/measure.js';
import { FIXTURES, readJson } from '../helpers/fixtures.js';

interface Boxed {
  image_id: number;
  category_id: number;
  bbox: Box;
}

const coco: {
  labels: string[];
  images: { id: number }[];
  annotations: (Boxed & { iscrowd: number; area: number })[];
  found: (Boxed & { score: number })[];
  precision: Record<'all' | 'at 0.5' | 'at 0.75' | 'small' | 'medium' | 'large', number>;
  outlines: { height: number; width: number; polygons: number[][]; counts: number[]; area: number }[];
} = readJson(`${FIXTURES}/coco.json`);

const label = ({ category_id }: Boxed) => coco.labels[category_id - 1] as string;
const answers: Answered[] = coco.images.map(({ id }) => ({
  ...{ id: String(id), score: 0 },
  targets: coco.annotations
    .filter(({ image_id }) => image_id === id)
    .map((one) => ({ label: label(one), box: one.bbox, area: one.area, crowd: one.iscrowd === 1 })),
  prediction: coco.found
    .filter(({ image_id }) => image_id === id)
    .map((one) => {
      const [x, y, w, h] = one.bbox;
      return { label: label(one), score: one.score, box: { xmin: x, ymin: y, xmax: x + w, ymax: y + h } };
    }),
}));

describe('average precision', () => {
  test('is what pycocotools gives', () => {
    expect(boxes.total?.(answers)).toBeCloseTo(coco.precision.all, 6);
    const others = boxes.others?.(answers) ?? {};
    expect(others['AP at 0.5']).toBeCloseTo(coco.precision['at 0.5'], 6);
    expect(others['AP at 0.75']).toBeCloseTo(coco.precision['at 0.75'], 6);
    for (const size of ['small', 'medium', 'large'] as const) expect(others[size]).toBeCloseTo(coco.precision[size], 6);
  });

  test('is no number where there is nothing to find', () => {
    expect(boxes.total?.([{ id: '1', prediction: [], targets: [], score: 0 }])).toBeNaN();
  });

  test('is 1 where all is found, and 0 where nothing is', () => {
    const perfect = answers.map((answer) => ({
      ...answer,
      prediction: (answer.targets as { label: string; box: Box }[]).map(({ label, box: [x, y, w, h] }) => ({
        ...{ label, score: 0.9, box: { xmin: x, ymin: y, xmax: x + w, ymax: y + h } },
      })),
    }));
    expect(boxes.total?.(perfect)).toBeCloseTo(1, 9);
    expect(boxes.total?.(answers.map((answer) => ({ ...answer, prediction: '' })))).toBe(0);
  });
});

test('boxes that touch do not overlap, and of a crowd what was found counts alone', () => {
  expect(overlap([0, 0, 10, 10], [10, 0, 10, 10])).toBe(0);
  expect(overlap([0, 0, 10, 10], [0, 0, 20, 20])).toBe(0.25);
  expect(overlap([0, 0, 10, 10], [0, 0, 20, 20], true)).toBe(1);
});

test('outlines become the masks that pycocotools makes of them', () => {
  for (const { height, width, polygons, counts } of coco.outlines)
    expect(maskOf(polygons, height, width)).toEqual({ size: [height, width], counts });
});

test('masks that are runs already stay, but for those in a text', () => {
  expect(maskOf({ size: [2, 2], counts: [1, 3] }, 2, 2).counts).toEqual([1, 3]);
  expect(() => maskOf({ size: [2, 2], counts: 'abc' } as never, 2, 2)).toThrow(/run lengths as a text/);
});

test("masks' precision by recall takes the surest answers first, and no answer for none", () => {
  const answer = (confidence: number | undefined, score: number, prediction = '<loc0001>'): Answered => ({
    ...{ id: String(confidence), prediction, targets: {}, score, detail: { boxIou: score }, confidence },
  });
  const four = [answer(0.9, 0.8), answer(0.8, 0), answer(0.7, 0.6), answer(0.6, 0, 'nothing')];
  const [half = { precision: [] }, strict = { precision: [] }] = precisionByRecallOfMasks(four);
  const at = ({ precision }: { precision: readonly number[] }) => [0, 25, 26, 50, 51, 100].map((i) => precision[i]);
  expect(at(half)).toEqual([1, 1, 2 / 3, 2 / 3, 0, 0]);
  expect(at(strict)).toEqual([1, 1, 0, 0, 0, 0]);
  expect(precisionByRecallOfMasks([answer(undefined, 1)])).toEqual([]);
});
