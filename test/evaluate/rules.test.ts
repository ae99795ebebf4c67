// The published rules by hand, and what holds for any text.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  anls,
  numeral,
  pairAccuracy,
  popeScores,
  relaxedAccuracy,
  scienceQaAnswer,
  segmentationScore,
  softAccuracy,
  vqaAccuracy,
} from '../../cli/evaluate/metrics/index.js';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const times = (one: string, count: number) => Array<string>(count).fill(one);

describe("VQAv2's accuracy", () => {
  test.each<[string, string[], number]>([
    ['no answers', [], 0],
    ['one answer: nobody is left to agree', ['cat'], 0],
    ['two of two', ['cat', 'cat'], 1 / 3],
    ['ten of ten', times('cat', 10), 1],
    ['three of ten', [...times('cat', 3), ...times('dog', 7)], 0.9],
    ['two of ten', [...times('cat', 2), ...times('dog', 8)], 0.6],
    ['one of ten', ['cat', ...times('dog', 9)], 0.3],
  ])('%s', (_, answers, accuracy) => {
    expect(vqaAccuracy('cat', answers)).toBeCloseTo(accuracy, 12);
  });

  test('answers that all agree are compared as they are', () => {
    expect(vqaAccuracy('2', times('two', 10))).toBe(0);
    expect(vqaAccuracy(' two\t', times('two', 10))).toBe(1);
    expect(vqaAccuracy('Two', times('two', 10))).toBe(0);
  });

  // Against answers of which nine are `said`: what is normalised to the same is right.
  test.each<[string, string, boolean]>([
    ['two', '2', true],
    ['None', '0', true],
    ['eleven', '11', false],
    ['The Cat', 'a cat', true],
    ['dont know', "don't know", true],
    ['youre', "you're", true],
    ["couldnt've", "couldn't've", true],
    ["somebody'd", 'somebodyd', true],
    ['shes', "she's", false],
    ['black/white', 'black white', true],
    ['black / white', 'black white', true],
    ['black / white', 'black  white', true],
    ['black/ white', 'black white', true],
    ['left-right', 'left right', true],
    ['left- right', 'left right', true],
    ['1,000', '1000', true],
    ['1,000 red-blue', '1000 redblue', true],
    ['1,000 red-blue', '1000 red blue', false],
    ['U.S.', 'us', true],
    ['3.5', '35', false],
    ['5.', '5', true],
    ['.5', '5', false],
    ['what?', 'what', true],
    ['a', '', true],
    ["it's", 'its', false],
    ['50%', '50', false],
    ['ÜBER', 'über', true],
    ['constructor', 'constructor', true],
    ['two\nthree', '2 3', true],
    [`x${'.'.repeat(40)}`, `x${'.'.repeat(8)}`, false],
    [`x${'.'.repeat(32)}`, 'x', true],
  ])('%j is %j: %j', (answer, said, same) => {
    expect(vqaAccuracy(answer, [...times(said, 9), 'something else'])).toBe(same ? 1 : 0);
  });

  test('is a share, and does not depend on the order', () => {
    fc.assert(
      fc.property(text, fc.array(text, { maxLength: 10 }), (answer, answers) => {
        const accuracy = vqaAccuracy(answer, answers);
        expect(accuracy).toBeGreaterThanOrEqual(0);
        expect(accuracy).toBeLessThanOrEqual(1);
        expect(vqaAccuracy(answer, [...answers].reverse())).toBeCloseTo(accuracy, 12);
        expect(vqaAccuracy(answer, times(answer, 4))).toBe(1);
      }),
    );
  });
});

describe('soft accuracy', () => {
  test('is the number of equal answers in thirds, one at most', () => {
    expect([0, 1, 2, 3, 10].map((n) => softAccuracy('x', [...times('x', n), 'X', 'x ', 'y']))).toEqual([
      0,
      1 / 3,
      2 / 3,
      1,
      1,
    ]);
    expect(softAccuracy('', [])).toBe(0);
    expect(softAccuracy('', ['', '', ''])).toBe(1);
  });
});

describe('ANLS', () => {
  test.each<[string, string[], number]>([
    ['', [], 0],
    ['', [''], 1],
    ['x', [''], 0],
    ['', ['x'], 0],
    ['abcd', ['abcd'], 1],
    ['ABCD', ['abcd'], 1],
    ['abcx', ['abcd'], 0.75],
    ['abxx', ['abcd'], 0], // one half is too much
    ['abxde', ['abcd'], 0.6],
    ['abcd', ['zzzz', 'abcx', 'abcd'], 1],
    ['東京駅', ['東京'], 2 / 3],
    ['a😀😀', ['a😀'], 2 / 3], // in code points
    ['kitten', ['sitting'], 4 / 7],
  ])('of %j against %j', (answer, answers, score) => {
    expect(anls(answer, answers)).toBeCloseTo(score, 12);
  });

  test('is 1 for what is given, else 0 or above one half; as far from a to b as back', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
        expect(anls(a, [b, a])).toBe(1);
        const score = anls(a, [b]);
        expect(score === 0 || (score > 0.5 && score <= 1)).toBe(true);
        expect(anls(b, [a])).toBe(score);
      }),
    );
  });
});

describe('relaxed correctness', () => {
  test.each<[string, string, boolean]>([
    ['105', '100', true],
    ['95', '100', true],
    ['105.1', '100', false],
    ['-95', '-100', true],
    ['95', '-100', false],
    ['0', '0', true],
    ['0.0', '0', false], // a target of 0 as a text
    ['0', '0.0', false],
    ['0%', '0%', true],
    ['0.00001', '0', false],
    ['5%', '0.05', true],
    ['0.05', '5%', true],
    ['5', '5%', false],
    ['5.25%', '5%', true],
    ['5%%', '5%', true],
    ['5 %', '5%', true],
    ['5% ', '5%', false],
    [' 5 ', '5', true],
    ['1_000', '1000', true],
    ['1__000', '1000', false],
    ['1,000', '1000', false],
    ['1e3', '1000', true],
    ['0x10', '16', false],
    ['.5', '0.5', true],
    ['.', '0.5', false],
    ['٥', '5', true],
    ['１２', '12', true],
    ['nan', 'nan', false], // a number that is near none
    ['inf', 'inf', false],
    ['5', 'inf', false],
    ['Yes', 'yes', true],
    ['yes ', 'yes', false],
    ['', '', true],
    ['', '5', false],
    ['[1, 2]', '[1, 2]', true],
  ])('%j for %j: %j', (answer, target, correct) => {
    expect(relaxedAccuracy(answer, target)).toBe(correct);
  });

  test('what is itself is right, but infinite numbers and none', () => {
    fc.assert(
      fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (value) => {
        expect(relaxedAccuracy(`${value}`, `${value}`)).toBe(true);
      }),
    );
  });
});

describe('the other rules', () => {
  test.each<[string, string | null]>([
    ['The answer is B.', 'B'],
    ['THE ANSWER IS Z. Because', 'Z'],
    ['The answer is (B).', null],
    ['The answer is B', null],
    ['The answer is AB.', null],
    [' The answer is B.', null],
    ['Answer: The answer is B.', null],
    ['B', null],
    ['', null],
    ['The answer is é.', null],
  ])('the letter of %j is %j', (answer, letter) => {
    expect(scienceQaAnswer(answer)).toBe(letter);
  });

  test.each([
    ['twenty', '20'],
    ['Twelve', '12'],
    ['none', '0'],
    ['zero', '0'],
    ['twenty-one', 'twenty-one'],
    ['three.', 'three.'],
    [' one', ' one'],
    ['Many', 'Many'],
    ['', ''],
    ['toString', 'toString'],
  ])('%j is the numeral %j', (word, number) => {
    expect(numeral(word)).toBe(number);
  });

  test('POPE of nothing, and of what is neither', () => {
    const none = { accuracy: 0, valid: 0, precision: 0, recall: 0, f1: 0 };
    expect(popeScores([])).toEqual(none);
    expect(popeScores([['maybe', 'yes']])).toEqual(none);
    expect(popeScores([['YES', 'yes']])).toEqual({ accuracy: 1, valid: 1, precision: 1, recall: 1, f1: 1 });
    expect(popeScores([['no', 'no']])).toEqual({ ...none, accuracy: 1, valid: 1 });
  });

  test('POPE is the harmonic mean of precision and recall', () => {
    const answer = fc.constantFrom('yes', 'no', 'Yes', 'yes.', '');
    fc.assert(
      fc.property(fc.array(fc.tuple(answer, fc.constantFrom('yes', 'no')), { minLength: 1 }), (pairs) => {
        const { accuracy, valid, precision, recall, f1 } = popeScores(pairs);
        expect(accuracy).toBeLessThanOrEqual(valid);
        if (precision > 0) expect(f1).toBeCloseTo(2 / (1 / precision + 1 / recall), 12);
      }),
    );
  });

  test('a pair counts when both are right', () => {
    expect(pairAccuracy([])).toBe(0);
    expect(
      pairAccuracy([
        [true, true],
        [true, false],
        [false, true],
        [false, false],
      ]),
    ).toBe(0.25);
  });
});

describe('the score of a segmentation', () => {
  const codes = (count = 16, code = '005') => `<seg${code}>`.repeat(count);
  const box = (...bins: number[]) => bins.map((bin) => `<loc${String(bin).padStart(4, '0')}>`).join('');
  /** A mask of 10 x 20 pixels whose left half is the object. */
  const truth = {
    height: 10,
    width: 20,
    mask: { size: [10, 20], counts: [0, 100, 100] },
    box: [0, 0, 1, 0.5],
  };
  const filled = (value: number) => async (asked: number[][]) => new Float32Array(asked.length * 64 * 64).fill(value);
  const full = filled(1);

  test('of the true box and a full mask is 1', async () => {
    // Half of 1023 is no bin: 511 is cut to nine whole columns of ten.
    expect(await segmentationScore(box(0, 0, 1023, 512) + codes(), truth, full)).toEqual({
      maskIou: 1,
      boxIou: expect.closeTo(511.5 / 512, 12),
    });
    const { maskIou } = await segmentationScore(box(0, 0, 1023, 511) + codes(), truth, full);
    expect(maskIou).toBeCloseTo(0.9, 12);
  });

  test('what follows the codes does not matter, what stands before does', async () => {
    const answer = box(0, 0, 1023, 512) + codes();
    const score = await segmentationScore(answer, truth, full);
    for (const rest of [' cat', codes(3), ` cat ; ${answer}`])
      expect(await segmentationScore(answer + rest, truth, full)).toEqual(score);
    expect(await segmentationScore(` ${answer}`, truth, full)).toEqual({ maskIou: 0, boxIou: 0 });
  });

  test.each([
    ['', ''],
    ['a cat', ''],
    ['fifteen codes', box(0, 0, 1023, 512) + codes(15)],
    ['three locations', box(0, 0, 1023) + codes()],
    ['five locations', box(0, 0, 1023, 512, 5) + codes()],
    ['a bin too large', box(0, 0, 1024, 512) + codes()],
    ['a code too large', box(0, 0, 1023, 512) + codes(16, '128')],
    ['a box upside down', box(1023, 0, 0, 512) + codes()],
    ['a box without width', box(0, 512, 1023, 512) + codes()],
  ])('%s is 0, and nothing is decoded', async (_, answer) => {
    const decode = () => {
      throw new Error('decoded');
    };
    expect(await segmentationScore(answer, truth, decode)).toEqual({ maskIou: 0, boxIou: 0 });
  });

  test('a box without a whole pixel has a score as a box alone', async () => {
    const { maskIou, boxIou } = await segmentationScore(box(0, 0, 1023, 1) + codes(), truth, full);
    expect(maskIou).toBe(0);
    expect(boxIou).toBeCloseTo(2 / 1023, 12);
  });

  test('a mask of zeros is empty: the bound itself is outside', async () => {
    expect((await segmentationScore(box(0, 0, 1023, 512) + codes(), truth, filled(0))).maskIou).toBe(0);
  });

  test('nothing against nothing is 0', async () => {
    const empty = { ...truth, mask: { size: [10, 20], counts: [200] }, box: [0, 0, 0, 0] };
    const score = await segmentationScore(box(0, 0, 1023, 512) + codes(), empty, filled(-1));
    expect(score).toEqual({ maskIou: 0, boxIou: 0 });
  });

  test('codes reach the decoder in their order, which may answer at once', async () => {
    const all = Array.from({ length: 16 }, (_, i) => 127 - i);
    const marks = all.map((code) => `<seg${code}>`).join('');
    const asked: number[][][] = [];
    await segmentationScore(box(0, 0, 1023, 512) + marks, truth, (masks) => {
      asked.push(masks);
      return new Float32Array(64 * 64);
    });
    expect(asked).toEqual([[all]]);
  });

  test('is a share for any box', async () => {
    const bin = fc.integer({ min: 0, max: 1023 });
    await fc.assert(
      fc.asyncProperty(bin, bin, bin, bin, async (...bins) => {
        const { maskIou, boxIou } = await segmentationScore(box(...bins) + codes(), truth, full);
        for (const share of [maskIou, boxIou]) {
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(1 + 1e-12);
        }
      }),
      { numRuns: 30 },
    );
  });
});
