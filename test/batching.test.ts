// Many requests at once: computed together, answered as if alone.
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type GenerateRequest, PaliGemma } from '../lib/index.js';
import { EMBEDDED, emoji, PICTURE } from './helpers/fixtures.js';

const scenes = fs.readdirSync(emoji('scenes')).map((name) => emoji('scenes', name));
const prompts = [
  'caption en',
  'caption es',
  'answer en how many dogs are there?',
  'ocr',
  'answer en what is in the image?',
];
/** Prompts of several lengths over all scenes, some without a picture or with two. */
const requests: GenerateRequest[] = Array.from({ length: 60 }, (_, i) => ({
  prompt: prompts[i % prompts.length] as string,
  images: i % 13 === 0 ? [] : [scenes[i % scenes.length] as string, ...(i % 17 === 0 ? [PICTURE] : [])],
  maxTokens: 4 + (i % 30),
}));

let model: PaliGemma;
let alone: PaliGemma;
beforeAll(async () => {
  model = await PaliGemma.load(EMBEDDED);
  alone = await PaliGemma.load(EMBEDDED, { maxSequences: 1, featureCache: 0 });
});
afterAll(() => Promise.all([model.dispose(), alone.dispose()]));

describe('requests of many lengths at once', () => {
  test('are answered as they are alone', async () => {
    const together = await Promise.all(requests.map((request) => model.generate(request)));
    for (const [i, request] of requests.entries()) {
      const { text, tokens, finishReason } = await alone.generate(request);
      expect([i, together[i]?.text, together[i]?.tokens, together[i]?.finishReason]).toEqual([
        i,
        text,
        tokens,
        finishReason,
      ]);
    }
  });

  test('end in the order in which they end, not in that of the slowest', async () => {
    const ended: string[] = [];
    const long = model.generate({ prompt: 'caption en', images: [PICTURE], maxTokens: 400, temperature: 5, seed: 3 });
    const short = model.generate({ prompt: 'caption en', images: [PICTURE], maxTokens: 1 });
    await Promise.all([long.then(() => ended.push('long')), short.then(() => ended.push('short'))]);
    expect(ended).toEqual(['short', 'long']);
  });

  test('go on when one of them is aborted, and its sequence is used again', async () => {
    const busy = requests.slice(0, 40).map((request, i) => {
      const abort = new AbortController();
      if (i % 3 === 0) setTimeout(() => abort.abort(new Error(`gone ${i}`)), i);
      return model.generate({ ...request, signal: abort.signal }).then(
        ({ text }) => text,
        (error) => (error as Error).message,
      );
    });
    const answers = await Promise.all(busy);
    for (const [i, answer] of answers.entries())
      if (answer !== `gone ${i}`)
        expect([i, answer]).toEqual([i, (await alone.generate(requests[i] as GenerateRequest)).text]);
    expect((await model.generate({ prompt: 'caption en', images: [PICTURE] })).text).toBe('an owl and a cat');
  });

  test('may be of every kind together', async () => {
    const [caption, found, features, trace, beams, score] = await Promise.all([
      model.caption(PICTURE),
      model.detect(PICTURE, 'owl ; cat'),
      model.encode(PICTURE),
      model.trace({ prompt: 'caption en', images: [PICTURE] }),
      model.generate({ prompt: 'caption en', images: [PICTURE], numBeams: 3 }),
      model.score({ prompt: 'caption en', images: [PICTURE], answer: 'an owl and a cat' }),
      model.segment(PICTURE, 'owl'),
      expect(model.generate({ prompt: 'a '.repeat(2000), images: [PICTURE] })).rejects.toMatchObject({
        code: 'ERR_PROMPT_TOO_LONG',
      }),
    ]);
    expect(caption).toBe('an owl and a cat');
    expect(found.map(({ label }) => label).sort()).toEqual(['cat', 'owl']);
    expect(features).toHaveLength(64 * 256);
    expect(trace.logits).toHaveLength(3264);
    expect(beams.text).toBe('an owl and a cat');
    expect(score.logprob).toBeLessThan(0);
  });

  test('end with the model when it is disposed', async () => {
    const other = await PaliGemma.load(EMBEDDED);
    const pending = requests.map((request) => other.generate(request).catch((error) => error.code));
    await other.dispose();
    expect(new Set((await Promise.all(pending)).filter((answer) => typeof answer === 'string'))).toEqual(
      new Set(['ERR_DISPOSED']),
    );
  });
});

describe('features of images', () => {
  test('are remembered by content', async () => {
    await using fresh = await PaliGemma.load(EMBEDDED);
    const ask = (images: GenerateRequest['images']) => fresh.generate({ prompt: 'caption en', images });
    const first = await ask([PICTURE]);
    expect(first.usage.rememberedImages).toBe(0);
    expect(first.timings.vision).toBeGreaterThan(0);
    const copy = fs.readFileSync(PICTURE); // other bytes in memory, the same picture
    const second = await ask([copy]);
    expect(second.usage.rememberedImages).toBe(1);
    expect(second.timings.vision).toBe(0);
    expect(second.tokens).toEqual(first.tokens);
    expect((await ask([PICTURE, scenes[5] as string])).usage.rememberedImages).toBe(1);
  });

  test('are the very same as computed anew', async () => {
    const twice = [await model.encode(PICTURE), await model.encode(PICTURE)];
    expect(twice[1]).toEqual(twice[0]);
    expect(await alone.encode(PICTURE)).toEqual(twice[0]);
  });

  test('take no more room than they may, the oldest going first', async () => {
    const each = 64 * 256 * 4 + 112 * 112 * 3;
    await using small = await PaliGemma.load(EMBEDDED, { featureCache: (2.5 * each) / 1e6 });
    const remembered = async (name: string | undefined) =>
      (await small.generate({ prompt: 'caption en', images: [name as string], maxTokens: 1 })).usage.rememberedImages;
    const [a, b, c] = scenes;
    expect([await remembered(a), await remembered(b), await remembered(a), await remembered(c)]).toEqual([0, 0, 1, 0]);
    expect([await remembered(a), await remembered(b)]).toEqual([1, 0]);
  });

  test('are not kept where none may be', async () => {
    await alone.encode(PICTURE);
    const { usage } = await alone.generate({ prompt: 'caption en', images: [PICTURE] });
    expect(usage.rememberedImages).toBe(0);
  });

  test('cannot take a negative room', () =>
    expect(PaliGemma.load(EMBEDDED, { featureCache: -1 })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' }));
});
