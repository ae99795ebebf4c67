// transformers' exact results on small random checkpoints: every bias, norm, softcap and mask moves these numbers.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PaliGemma } from '../lib/index.js';
import { by } from './helpers/card.js';
import {
  converted,
  largestDifference,
  REFERENCE_MODELS,
  type ReferenceCase,
  readFloats,
  readJson,
  reference,
} from './helpers/fixtures.js';

const LOGITS = by(0.01, 0.25);
const FEATURES = by(2e-3, 0.02);
const PIXELS = 1e-6;
const TIE = by(0.02, 2 * LOGITS); // below this lead another float32 implementation may rightly choose another token

const images = (names: string[]) => names.map((name) => reference('images', name));

describe.each(REFERENCE_MODELS)('%s at float32', (name) => {
  const expected = readJson(reference(name, 'expected', 'cases.json'));
  const cases: ReferenceCase[] = expected.cases;
  let model: PaliGemma;

  beforeAll(async () => {
    model = await PaliGemma.load(await converted(reference(name), 'f32'), { maxSequences: 3 });
  });
  afterAll(() => model.dispose());

  test.each(cases)("$name: ids, pixels and logits are the reference's", async (c) => {
    const trace = await model.trace({ prompt: c.prompt, images: images(c.images) });
    expect([...trace.inputIds]).toEqual(c.input_ids);
    expect(largestDifference(trace.logits, readFloats(reference(name, 'expected', c.prefix_logits.file)))).toBeLessThan(
      LOGITS,
    );
    const pixels = c.images.flatMap((image) => [
      ...readFloats(reference('images', image.replace(/\.\w+$/, '.pixels.f32'))),
    ]);
    expect(largestDifference(trace.pixelValues, Float32Array.from(pixels))).toBeLessThanOrEqual(PIXELS);
  });

  test.each(cases)("$name: greedy tokens and text are the reference's", async (c) => {
    const generation = await model.generate({ prompt: c.prompt, images: images(c.images), maxTokens: 24 });
    const tie = c.top_logits.findIndex(([best = 0, second = 0]) => best - second < TIE);
    const sure = tie < 0 ? c.generated_ids.length : tie;
    expect(generation.tokens.slice(0, sure)).toEqual(c.generated_ids.slice(0, sure));
    if (sure === c.generated_ids.length) {
      expect(generation.text).toBe(c.generated_text);
      expect(generation.finishReason).toBe(c.generated_ids.at(-1) === 1 ? 'stop' : 'length');
    }
  });

  test.each(expected.images as { file: string; projector: { file: string } }[])(
    "$file: image features are the reference's",
    async (image) => {
      const features = await model.encode(reference('images', image.file));
      expect(largestDifference(features, readFloats(reference(name, 'expected', image.projector.file)))).toBeLessThan(
        FEATURES,
      );
    },
  );

  test('prompts of different lengths computed together answer as one by one', async () => {
    const together = cases.filter((c) => expected.batch.cases.includes(c.name));
    expect(together).toHaveLength(3);
    const answers = await Promise.all(
      together.map((c) => model.generate({ prompt: c.prompt, images: images(c.images), maxTokens: 24 })),
    );
    for (const [i, c] of together.entries()) {
      const tie = c.top_logits.findIndex(([best = 0, second = 0]) => best - second < TIE);
      const sure = tie < 0 ? c.generated_ids.length : tie;
      expect(answers[i]?.tokens.slice(0, sure)).toEqual(c.generated_ids.slice(0, sure));
    }
  });
});

// Rounding the weights alone, with all else in float32, moves transformers' own logits by up to 0.155 (float16) and 0.52
// (bfloat16); a checkpoint that is stored as bfloat16 loses nothing. A card's float16 activations and sums come on top.
const SIXTEEN_BITS = by(0, 0.5);
describe.each([
  ['pg1-random', 'f16', 0.15],
  ['pg1-random-published-keys', 'f16', 0.15],
  ['pg2-random', 'f16', 0.17],
  ['pg2-random-window', 'f16', 0.17],
  ['pg1-random', 'bf16', 0.5],
  ['pg1-random-published-keys', 'bf16', 0.15],
  ['pg2-random', 'bf16', 0.55],
  ['pg2-random-window', 'bf16', 0.55],
] as const)('%s at %s', (name, type, bound) => {
  const cases: ReferenceCase[] = readJson(reference(name, 'expected', 'cases.json')).cases;
  let model: PaliGemma;

  beforeAll(async () => {
    model = await PaliGemma.load(await converted(reference(name), type));
  });
  afterAll(() => model.dispose());

  test.each(cases)('$name: logits stay near, clear first tokens stay', async (c) => {
    const { logits } = await model.trace({ prompt: c.prompt, images: images(c.images) });
    expect(largestDifference(logits, readFloats(reference(name, 'expected', c.prefix_logits.file)))).toBeLessThan(
      bound + SIXTEEN_BITS,
    );
    const [best = 0, second = 0] = c.top_logits[0] ?? [];
    if (best - second > by(0.3, 2 * (bound + SIXTEEN_BITS)))
      expect(logits.indexOf(Math.max(...logits))).toBe(c.top_ids[0]?.[0]);
  });
});
