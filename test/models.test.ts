// The published checkpoints and what they are estimated to take.
import { describe, expect, test } from '@jest/globals';
import { openCheckpoint } from '../lib/checkpoint/open.js';
import { isHubId } from '../lib/hub/hub.js';
import { convert, PaliGemma } from '../lib/index.js';
import { estimate } from '../lib/weights/estimate.js';
import { openModelFolder } from '../lib/weights/model-folder.js';
import { defaultVision, QUANTIZATIONS } from '../lib/weights/quantization.js';
import { randomSize } from '../lib/weights/random-model.js';
import { emoji, scratch } from './helpers/fixtures.js';

describe('the published models', () => {
  const models = PaliGemma.models();
  const named = (id: string) => {
    const found = models.find((model) => model.id === id);
    if (!found) throw new Error(`no ${id}`);
    return found;
  };

  test('are hub ids, each once', () => {
    expect(models.every(({ id }) => isHubId(id))).toBe(true);
    expect(new Set(models.map(({ id }) => id)).size).toBe(models.length);
    expect(models.filter(({ kind }) => kind === 'pt')).toHaveLength(3 + 9);
    expect(models.filter(({ kind }) => kind === 'mix')).toHaveLength(2 + 6);
  });

  // As the hub counts them; PaliGemma 2's of Keras (3032094960), with the 64 rows that its table does not have.
  test.each([
    ['google/paligemma-3b-pt-224', 'paligemma', 224, 256, 2_923_466_480],
    ['google/paligemma2-3b-mix-224', 'paligemma2', 224, 256, 3_032_094_960 + 64 * 2304],
  ] as const)('%s', (id, architecture, imageSize, imageTokens, parameters) => {
    expect(named(id)).toMatchObject({
      ...{ architecture, imageSize, imageTokens, parameters, licence: 'gemma' },
      ...{ licenceUrl: 'https://ai.google.dev/gemma/terms', page: `https://huggingface.co/${id}` },
    });
  });

  test('take less in fewer bits, and more in memory than on the disk', () => {
    for (const { sizes } of models) {
      const { f32, f16, q8_0, q6_k, q5_k_m, q4_k_m, q4_0 } = sizes;
      const disks = [f32, f16, q8_0, q6_k, q5_k_m, q4_k_m, q4_0].map(({ disk }) => disk);
      expect(disks).toEqual([...disks].sort((a, b) => b - a));
      for (const { disk, memory } of Object.values(sizes)) expect(memory).toBeGreaterThan(0.99 * disk);
    }
    expect(named('google/paligemma-3b-mix-224').sizes.f16.disk / 5.86e9).toBeCloseTo(1, 1);
  });

  test('are made anew for each caller', () => {
    const [first] = PaliGemma.models();
    if (first) first.sizes.f16.disk = 0;
    expect(PaliGemma.models()).toEqual(models);
  });

  test('have the shapes of random models', () => {
    expect(randomSize('pg2-10b-448')).toMatchObject({ architecture: 'gemma2', vision: { imageSize: 448 } });
    for (const wrong of ['3b-225', '4b-224', '3b', 'toString-224'])
      expect(() => randomSize(wrong)).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARGUMENT' }));
  });
});

test.each(QUANTIZATIONS)('what a checkpoint takes in %s is what converting it gives', async (type) => {
  const { hyperparameters, tokens, text } = await openCheckpoint(emoji('checkpoint'));
  const target = scratch('estimated');
  const { files } = await convert(emoji('checkpoint'), target, { quantization: type });
  const rows = text.find(({ gguf }) => gguf === 'token_embd.weight')?.shape[0] as number;
  const thought = estimate(hyperparameters, rows, type, defaultVision(type));
  const { weightBytes, parameters } = await openModelFolder(target);
  expect(thought).toMatchObject({ weightBytes, parameters });
  const written = files.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(Math.abs(thought.fileBytes - written) / written).toBeLessThan(0.05);
  expect(tokens.length).toBeLessThanOrEqual(rows);
});
