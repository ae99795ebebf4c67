// `model.batch` and `model.ask`, with the emoji model.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type BatchOptions, type BatchResult, type BatchSource, type Detection, PaliGemma } from '../../lib/index.js';
import { EMBEDDED, PICTURE, ROOT } from '../helpers/fixtures.js';

const IMAGES = path.join(ROOT, 'examples', 'images');
const DOG = path.join(IMAGES, 'dog.jpg');

let model: PaliGemma;
beforeAll(async () => {
  model = await PaliGemma.load(EMBEDDED);
});
afterAll(() => model.dispose());

async function gather(source: BatchSource, options?: BatchOptions): Promise<BatchResult[]> {
  const all: BatchResult[] = [];
  for await (const result of model.batch(source, options)) all.push(result);
  return all.sort((a, b) => a.index - b.index);
}

describe('a batch', () => {
  test('captions pictures as they are captioned one by one', async () => {
    const names = fs.readdirSync(IMAGES).filter((name) => /\.(png|jpg)$/.test(name));
    const results = await gather(names.map((name) => path.join(IMAGES, name)));
    expect(results.length).toBe(names.length);
    for (const { image, text } of results) expect(text).toBe(await model.caption(image as string));
    expect(results[0]?.timings).toMatchObject({
      image: expect.any(Number),
      vision: expect.any(Number),
      total: expect.any(Number),
    });
  });
  test('takes images and items, each with a question of its own, and gives answers in order when asked to', async () => {
    const results: BatchResult[] = [];
    const source = [
      DOG,
      fs.readFileSync(PICTURE),
      { image: PICTURE, id: 'es', language: 'es', author: 'K' },
      { image: PICTURE, question: 'how many owls are there?' },
      { image: PICTURE, labels: ['owl', 'cat'] },
      { image: PICTURE, task: 'segment' as const, labels: 'cat' },
      { image: PICTURE, prompt: 'cap de' },
    ];
    for await (const result of model.batch(source, { ordered: true })) results.push(result);
    expect(results).toMatchObject([
      { id: DOG, index: 0, text: 'a dog' },
      { id: '1', index: 1, text: 'an owl and a cat' },
      { id: 'es', text: 'un búho y un gato', author: 'K' },
      { text: '1' },
      { objects: [{ label: 'cat' }, { label: 'owl' }] },
      {
        objects: [
          { label: 'cat', mask: { counts: expect.any(String), size: [expect.any(Number), expect.any(Number)] } },
        ],
      },
      { text: await model.generate({ prompt: 'cap de', images: [PICTURE] }).then(({ text }) => text) },
    ]);
    const boxes = (found: Detection[] = []) => found.map(({ label, box }) => ({ label, box }));
    expect(boxes(results[4]?.objects)).toEqual(boxes(await model.detect(PICTURE, 'owl ; cat')));
  });
  test('makes an error of a picture that fails, or of one asked for nothing it could answer, and goes on', async () => {
    const results = await gather(['/no/such.png', { image: DOG, task: 'detect' }, 7 as never, DOG]);
    expect(results).toMatchObject([
      { id: '/no/such.png', error: { code: 'ERR_INVALID_IMAGE', message: /no such image file/ } },
      { error: { code: 'ERR_INVALID_ARGUMENT', message: /the task detect needs labels/ } },
      { error: { code: 'ERR_INVALID_ARGUMENT' } },
      { text: 'a dog' },
    ]);
  });
  test('leaves out what is to be skipped, and keeps the places of the others', async () => {
    const skip = (_: unknown, index: number) => index % 2 === 0;
    expect((await gather([DOG, PICTURE, DOG, PICTURE], { skip })).map(({ index, text }) => [index, text])).toEqual([
      [1, 'an owl and a cat'],
      [3, 'an owl and a cat'],
    ]);
  });
  test('can be left, and the model goes on', async () => {
    function* endless() {
      while (true) yield DOG;
    }
    let taken = 0;
    for await (const { text } of model.batch(endless())) {
      expect(text).toBe('a dog');
      if (++taken === 100) break;
    }
    expect(await model.caption(PICTURE)).toBe('an owl and a cat');
  });
  test('is aborted by its signal', async () => {
    const reason = new Error('enough');
    await expect(gather([DOG], { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
  test('refuses options that are none at once', () => {
    for (const wrong of [{ maxTokens: -1 }, { task: 'dance' }, { skip: 3 }, { ordered: 'yes' }, { signal: 1 }, null])
      expect(() => model.batch([DOG], wrong as never)).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }),
      );
  });
  test('of no items is refused at once, with what to pass instead', () => {
    const refused = (source: unknown) => {
      try {
        model.batch(source as never);
      } catch (error) {
        return error;
      }
    };
    expect(refused(IMAGES)).toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(/takes an array .* of images or items, not ".*"; folders, .* paligemma batch$/),
    });
    for (const source of [undefined, null, 7, { image: DOG }])
      expect(refused(source)).toMatchObject({ code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(/array/) });
  });
  test('ends with the model', async () => {
    const other = await PaliGemma.load(EMBEDDED);
    const all = (async () => {
      for await (const _ of other.batch([DOG, DOG])) await other.dispose();
    })();
    await expect(all).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });
});

test('one item is answered as one of many', async () => {
  expect(await model.ask({ image: DOG })).toMatchObject({ text: 'a dog', timings: { total: expect.any(Number) } });
  expect(await model.ask({ image: PICTURE }, { labels: 'cat' })).toMatchObject({ objects: [{ label: 'cat' }] });
  await expect(model.ask({ image: '/no/such.png' })).rejects.toMatchObject({ code: 'ERR_INVALID_IMAGE' });
  await expect(model.ask({ image: DOG, task: 'answer' })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
});
