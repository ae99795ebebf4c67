// The metrics against what the reference functions give: `metric-cases.json` was made by running them.
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  anls,
  cider,
  numeral,
  popeScores,
  relaxedAccuracy,
  type SegmentationTruth,
  scienceQaAnswer,
  segmentationScore,
  softAccuracy,
  vqaAccuracy,
} from '../../cli/evaluate/metrics/index.js';
import { convert, PaliGemma } from '../../lib/index.js';
import { emoji, FIXTURES, readJson, scratch } from '../helpers/fixtures.js';

interface Answered {
  answer: string;
  answers: string[];
}
interface Judged {
  answer: string;
  target: string;
  correct: boolean;
}
interface Cases {
  vqav2: (Answered & { accuracy: number })[];
  vqa_soft: (Answered & { accuracy: number })[];
  anls: (Answered & { anls: number })[];
  chartqa: Judged[];
  scienceqa: Judged[];
  tallyqa: Judged[];
  pope: { pairs: [string, string][]; accuracy: number; valid: number; precision: number; recall: number; f1: number }[];
  cider: { images: { caption: string; references: string[] }[]; cider: number; each: number[] }[];
  segmentation: (SegmentationTruth & { answer: string; mask_iou: number; box_iou: number })[];
}
const cases: Cases = readJson(path.join(FIXTURES, 'evaluation', 'metric-cases.json'));

const BOUND = 1e-6;
/** The largest distance of what is computed from what is wanted. */
const largest = <T>(all: T[], distance: (one: T) => number): number => Math.max(...all.map(distance));
/** The cases that are judged otherwise. */
const others = (all: Judged[], correct: (one: Judged) => boolean) => all.filter((one) => correct(one) !== one.correct);

describe('every case of the reference functions', () => {
  test('there are as many as there should be', () => {
    expect(Object.values(cases).map((all) => all.length)).toEqual([150, 150, 120, 120, 60, 40, 40, 16, 60]);
  });

  test("VQAv2's accuracy", () => {
    expect(largest(cases.vqav2, (one) => Math.abs(vqaAccuracy(one.answer, one.answers) - one.accuracy))).toBeLessThan(
      BOUND,
    );
  });

  test('soft accuracy', () => {
    const distance = (one: Cases['vqa_soft'][0]) => Math.abs(softAccuracy(one.answer, one.answers) - one.accuracy);
    expect(largest(cases.vqa_soft, distance)).toBeLessThan(BOUND);
  });

  test('ANLS', () => {
    expect(largest(cases.anls, (one) => Math.abs(anls(one.answer, one.answers) - one.anls))).toBeLessThan(BOUND);
  });

  test('relaxed correctness', () => {
    expect(others(cases.chartqa, ({ answer, target }) => relaxedAccuracy(answer, target))).toEqual([]);
  });

  test('letters of ScienceQA', () => {
    const right = ({ answer, target }: Judged) => scienceQaAnswer(answer) === target;
    expect(others(cases.scienceqa, right)).toEqual([]);
  });

  test("TallyQA's numerals", () => {
    expect(others(cases.tallyqa, ({ answer, target }) => numeral(answer) === numeral(target))).toEqual([]);
  });

  test("POPE's scores", () => {
    const names = ['accuracy', 'valid', 'precision', 'recall', 'f1'] as const;
    const distance = (one: Cases['pope'][0]) => {
      const scores = popeScores(one.pairs);
      return largest([...names], (name) => Math.abs(scores[name] - one[name]));
    };
    expect(largest(cases.pope, distance)).toBeLessThan(BOUND);
  });

  test('CIDEr', () => {
    const relative = (value: number, wanted: number) => Math.abs(value - wanted) / Math.max(Math.abs(wanted), BOUND);
    for (const { images, cider: wanted, each } of cases.cider) {
      const found = cider(images);
      expect(relative(found.score, wanted)).toBeLessThan(BOUND);
      expect(found.each).toHaveLength(each.length);
      expect(largest([...each.keys()], (i) => relative(found.each[i] as number, each[i] as number))).toBeLessThan(
        BOUND,
      );
    }
  });
});

describe('with the masks of a model', () => {
  let model: PaliGemma;
  beforeAll(async () => {
    const folder = scratch('emoji-f32');
    await convert(emoji('checkpoint'), folder, { quantization: 'f32', maskDecoder: emoji('vae-emoji.npz') });
    model = await PaliGemma.load(folder, { device: 'cpu' });
  });
  afterAll(() => model.dispose());

  test('segmentation, every case of the reference', async () => {
    let worst = 0;
    for (const { answer, mask_iou, box_iou, ...truth } of cases.segmentation) {
      const score = await segmentationScore(answer, truth, (codes) => model.decodeMasks(codes));
      worst = Math.max(worst, Math.abs(score.maskIou - mask_iou));
      expect(Math.abs(score.boxIou - box_iou)).toBeLessThan(BOUND);
    }
    expect(worst).toBeLessThan(2e-3);
  });
});
