// Prompts and parsers are pure functions of text: tested without a model.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chooseAnswer, parseChoice, softmax } from '../lib/tasks/choose.js';
import { toDetection } from '../lib/tasks/detect.js';
import { type OwnOptions, type TaskName, taskOf } from '../lib/tasks/index.js';
import { parseObjects } from '../lib/tasks/objects.js';
import { encodeMask } from '../lib/tasks/rle.js';
import { roundHalfEven, toSegment } from '../lib/tasks/segment.js';
import type { Piece } from '../lib/tasks/task.js';
import { within } from './helpers/fixtures.js';

const prompt = <N extends TaskName>(task: N, options: OwnOptions<N>) => taskOf(task).ask(options as never).prompt;

test('prompts are those of the model card', () => {
  expect(prompt('caption', {})).toBe('caption en');
  expect(prompt('caption', { language: 'es' })).toBe('caption es');
  expect(prompt('answer', { question: 'how many?' })).toBe('answer en how many?');
  expect(prompt('read', {})).toBe('ocr');
  expect(prompt('detect', { labels: ['cat', 'dog'] })).toBe('detect cat ; dog');
  expect(prompt('segment', { labels: ' cat ;' })).toBe('segment cat');
  expect(prompt('generate', { prompt: 'cap de' })).toBe('cap de');
  expect(prompt('choose', { question: 'Which?', choices: ['a rock', 'a tree', 'air'], context: 'Hint.' })).toBe(
    'Question: Which?\nContext: Hint.\nOptions: (A) a rock, (B) a tree, (C) air\nAnswer:',
  );
});

/** Cuts a text into tokens: locations and codes by themselves. */
const pieces = (text: string): Piece[] =>
  text
    .split(/(<loc\d{4}>|<seg\d{3}>)/)
    .flatMap((part) => (part === '' ? [] : [{ text: part, logprob: Math.log(0.5) }]));

const detect = (text: string, cut = false) => parseObjects(pieces(text), { segment: false, cut });
const codes = Array.from({ length: 16 }, (_, i) => `<seg${String(i * 8).padStart(3, '0')}>`).join('');

describe('objects', () => {
  test('several, in order, with shares of the picture', () => {
    const found = detect('<loc0000><loc0341><loc1023><loc0682> cat ; <loc0010><loc0020><loc0030><loc0040> big dog');
    expect(found).toMatchObject([
      { label: 'cat', ymin: 0, xmin: 341 / 1023, ymax: 1, xmax: 682 / 1023, codes: [] },
      { label: 'big dog' },
    ]);
    expect(found[0]?.score).toBeCloseTo(0.5);
    expect(toDetection(found[0] as never, 300, 200).box).toEqual({ xmin: 100, ymin: 0, xmax: 200, ymax: 200 });
  });
  test.each([
    ['nothing', ''],
    ['text without locations', 'no cat here'],
    ['too few locations', '<loc0001><loc0002><loc0003> cat'],
    ['a box without height', '<loc0009><loc0002><loc0009><loc0004> cat'],
    ['a box the wrong way round', '<loc0001><loc0004><loc0003><loc0002> cat'],
    ['no label', '<loc0001><loc0002><loc0003><loc0004>'],
    ['no label before the next object', '<loc0001><loc0002><loc0003><loc0004> ; '],
    ['codes where none belong', `<loc0001><loc0002><loc0003><loc0004>${codes} cat`],
    ['bins out of range', '<loc0001><loc0002><loc0003><loc9999> cat'],
  ])('%s: none', (_, text) => expect(detect(text)).toEqual([]));
  test('what a limit has cut off is left out, what stands before it stays', () => {
    const text = '<loc0001><loc0002><loc0003><loc0004> cat ; <loc0001><loc0002><loc0003><loc0004> do';
    expect(detect(text, true).map(({ label }) => label)).toEqual(['cat']);
    expect(detect(text).map(({ label }) => label)).toEqual(['cat', 'do']);
  });
  test('segments need sixteen codes', () => {
    const box = '<loc0001><loc0002><loc0003><loc0004>';
    const segment = (text: string) => parseObjects(pieces(text), { segment: true, cut: false });
    expect(segment(`${box}${codes} cat`)[0]?.codes).toEqual(Array.from({ length: 16 }, (_, i) => i * 8));
    expect(segment(`${box}${codes.slice(8)} cat`)).toEqual([]);
    expect(segment(`${box}${codes}<seg001> cat`)).toEqual([]);
    expect(segment(`${box} cat`)).toEqual([]);
    expect(segment(`${box}${codes.replace('<seg120>', '<seg128>')} cat`)).toEqual([]);
  });
  test('the score is the mean of the four locations, not of what stands around them', () => {
    const given = [0.9, 0.1, 0.4, 0.2, 0.8];
    const parts = pieces('<loc0001><loc0002><loc0003><loc0004> cat').map((piece, i) => ({
      ...piece,
      logprob: Math.log(given[i] as number),
    }));
    expect(parseObjects(parts, { segment: false, cut: false })[0]?.score).toBeCloseTo((0.9 * 0.1 * 0.4 * 0.2) ** 0.25);
  });

  test(
    'a million random sequences of tokens: nothing is thrown, every box is inside and has an extent',
    () => {
      const vocabulary = [
        ...Array.from({ length: 40 }, (_, i) => `<loc${String((i * 341) % 1024).padStart(4, '0')}>`),
        ...Array.from({ length: 24 }, (_, i) => `<seg${String((i * 37) % 128).padStart(3, '0')}>`),
        ' cat',
        ' dog',
        ' ;',
        ' ',
        '\n',
        '<',
        '>',
        '<loc',
        '0001>',
        '',
        ';',
        '你',
        '<eos>',
        '<loc9999>',
        '<seg999>',
      ];
      let boxes = 0;
      fc.assert(
        fc.property(fc.integer(), (seed) => {
          let state = seed >>> 0;
          const random = (below: number) => {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            return Math.floor((state / 2 ** 32) * below);
          };
          for (let k = 0; k < 1000; k++) {
            const sequence: Piece[] = [];
            const add = (text: string) => sequence.push({ text, logprob: -0.5 });
            for (let length = random(16); length > 0; length--) {
              const run = random(6); // now and then a run that is nearly right
              if (run === 0) for (let i = 0; i < 4; i++) add(vocabulary[random(40)] as string);
              else if (run === 1) for (let i = 0; i < 16; i++) add(vocabulary[40 + random(24)] as string);
              else add(vocabulary[random(vocabulary.length)] as string);
            }
            for (const object of parseObjects(sequence, { segment: random(2) === 0, cut: random(2) === 0 })) {
              boxes++;
              const { box } = toDetection(object, 640, 480);
              const inside = box.xmin >= 0 && box.ymin >= 0 && box.xmax <= 640 && box.ymax <= 480;
              const extent = box.ymin < box.ymax && box.xmin < box.xmax;
              const whole = object.label !== '' && (object.codes.length === 0 || object.codes.length === 16);
              if (!(inside && extent && whole && object.score > 0 && object.score <= 1))
                throw new Error(sequence.map(({ text }) => text).join(''));
            }
          }
        }),
        { numRuns: 1000 },
      );
      expect(boxes).toBeGreaterThan(1000);
    },
    within(300_000),
  );
});

describe('choices', () => {
  const question = { question: 'Which?', choices: ['a rock', 'a tree', 'Air'] };
  test.each([
    ['The answer is B.', 1],
    ['the answer is C', 2],
    ['The answer is (A).', 0],
    ['B', 1],
    ['(C)', 2],
    ['B.', 1],
    ['a tree', 1],
    ['air.', 2],
    ['The answer is a tree.', 1],
    ['the answer is: air', 2],
    ['The answer is a dog.', null],
    ['The answer is D.', null],
    ['a house', null],
    ['', null],
  ])('%j names %s', (answer, index) => expect(parseChoice(answer, question).index).toBe(index));
  test.each([
    ['The answer is A.', 0],
    ['B', 1],
    ['(C)', 2],
    ['c.', 2],
    ['The answer is X.', 3],
    ['(A) is true', 4],
    ['The answer is (B) is true.', 1],
  ])('%j names %s also where choices are letters themselves', (answer, index) =>
    expect(parseChoice(answer, { question: 'q', choices: ['C', 'A', 'B', 'X', '(A) is true'] }).index).toBe(index),
  );
  test('every answer that was trained is understood', () => {
    const choices = Array.from({ length: 26 }, (_, i) => `choice ${i}`);
    for (const i of choices.keys())
      expect(parseChoice(chooseAnswer(i), { question: 'q', choices })).toMatchObject({ index: i, text: choices[i] });
  });
  test('probabilities add up to 1, also of very small ones', () => {
    const probabilities = softmax([-1000, -1001, -1002]);
    expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1);
    expect(probabilities[0]).toBeGreaterThan(probabilities[1] as number);
  });
});

describe('masks', () => {
  const object = { label: 'x', score: 1, ymin: 0.25, xmin: 0.5, ymax: 0.75, xmax: 1, codes: [] };
  test('lie in their boxes', async () => {
    const { mask } = await toSegment(object, new Float32Array(64 * 64).fill(0.2), 10, 8);
    const inside = (i: number) => i % 10 >= 5 && Math.floor(i / 10) >= 2 && Math.floor(i / 10) < 6;
    expect([...mask.data]).toEqual(Array.from({ length: 80 }, (_, i) => (inside(i) ? 255 : 0)));
  });
  test('are placed by rounding halves to even, as Python does', () => {
    expect([0.5, 1.5, 2.5, 3.49, 3.51, 0].map(roundHalfEven)).toEqual([0, 2, 2, 3, 4, 0]);
  });
  test('are encoded as COCO encodes them', async () => {
    // pycocotools.mask.encode of the same arrays
    const mask = (rows: string[]) => ({
      data: Uint8Array.from(rows.join(''), (c) => Number(c) * 255),
      width: rows[0]?.length as number,
      height: rows.length,
    });
    expect(await encodeMask(mask(['0010', '0110', '0010']))).toEqual({
      size: [3, 4],
      counts: decodeRuns([4, 1, 1, 3, 3]),
    });
    expect(await encodeMask(mask(['1', '1']))).toEqual({ size: [2, 1], counts: decodeRuns([0, 2]) });
  });

  test('random ones of any shape are encoded as runs counted one by one', async () => {
    const shape = fc.record({
      width: fc.integer({ min: 1, max: 200 }),
      height: fc.integer({ min: 1, max: 200 }),
      run: fc.integer({ min: 1, max: 300 }),
      seed: fc.integer(),
    });
    await fc.assert(
      fc.asyncProperty(shape, async ({ width, height, run, seed }) => {
        let state = seed >>> 0;
        let value = 0;
        const data = new Uint8Array(width * height).map(() => {
          state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
          if ((state >>> 8) % run === 0) value = value === 0 ? 1 + (state >>> 24) : 0;
          return value;
        });
        const before = data.slice();
        const { size, counts } = await encodeMask({ data, width, height });
        expect(size).toEqual([height, width]);
        expect(Buffer.compare(data, before)).toBe(0);
        if (counts !== decodeRuns(runsOf(data, width, height))) throw new Error(`${width} x ${height}`);
      }),
      { numRuns: 100 },
    );
  });

  test('that are no masks are refused', async () => {
    const data = new Uint8Array(6);
    for (const bad of [
      null,
      {},
      { data, width: 2, height: 2 },
      { data, width: -2, height: -3 },
      { data: 'x', width: 1, height: 1 },
    ])
      await expect(encodeMask(bad as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  test('that are transferred while they are encoded are an error, and no crash', async () => {
    const data = new Uint8Array(5000 * 4000);
    const encoded = encodeMask({ data, width: 5000, height: 4000 });
    structuredClone(data, { transfer: [data.buffer] });
    await expect(encoded).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(/transferred/),
    });
  });

  test('lie where bilinear interpolation of their values says', async () => {
    const values = new Float32Array(64 * 64).map((_, i) => ((i % 64) + Math.floor(i / 64) - 63) / 20); // a slope
    const whole = { ...object, ymin: 0, xmin: 0, ymax: 1, xmax: 1 };
    const { mask } = await toSegment(whole, values, 128, 256);
    const wrong = [...mask.data].filter((value, i) => {
      const slope = ((i % 128) + 0.5) / 2 + (Math.floor(i / 128) + 0.5) / 4 - 64; // its sign where the picture's pixel lies
      return Math.abs(slope) > 0.3 && value !== (slope > 0 ? 255 : 0);
    });
    expect(wrong.length).toBe(0);
  });
});

/** Runs down the columns, one pixel after the other. */
function runsOf(data: Uint8Array, width: number, height: number): number[] {
  const runs = [0];
  for (let x = 0; x < width; x++)
    for (let y = 0; y < height; y++) {
      if ((data[y * width + x] !== 0) !== (runs.length % 2 === 0)) runs.push(0);
      runs[runs.length - 1] = (runs.at(-1) as number) + 1;
    }
  return runs;
}

/** COCO's form of given runs, written out independently: each a little-endian base-32 number with a "more" bit. */
function decodeRuns(runs: number[]): string {
  const text: string[] = [];
  runs.forEach((run, i) => {
    const value = i > 2 ? run - (runs[i - 2] as number) : run;
    const bits = Array.from({ length: 7 }, (_, k) => (value >> (5 * k)) & 31);
    const negative = value < 0;
    let last = 0;
    while (last < 6 && !bits.slice(last + 1).every((b) => b === (negative ? 31 : 0))) last++;
    if (((bits[last] as number) & 16) !== (negative ? 16 : 0)) last++;
    for (let k = 0; k <= last; k++) text.push(String.fromCharCode(48 + (bits[k] as number) + (k < last ? 32 : 0)));
  });
  return text.join('');
}
