// The model that comes with the package: called by its name, or by no name at all.
import path from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import { modelInfo, PaliGemma } from '../lib/index.js';
import { EMBEDDED, PICTURE } from './helpers/fixtures.js';

/** Codes of the warnings that come while `work` runs. */
async function warnings(work: () => Promise<unknown>): Promise<unknown[]> {
  const emit = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  try {
    await work();
    return emit.mock.calls.map(([, about]) => (about as { code?: string }).code);
  } finally {
    emit.mockRestore();
  }
}

describe('the embedded model', () => {
  test('is loaded by its name, with options and without a warning', async () => {
    const said = await warnings(async () => {
      await using model = await PaliGemma.load('embedded', { device: 'cpu', threads: 1 });
      expect(model.info).toMatchObject({ embedded: true, path: EMBEDDED, threads: 1 });
      expect(await model.caption(PICTURE)).toBe('an owl and a cat');
    });
    expect(said).toEqual([]);
  });

  test('is loaded without any argument, with a warning', async () => {
    const said = await warnings(async () => {
      await using model = await PaliGemma.load();
      expect(model.info.embedded).toBe(true);
    });
    expect(said).toEqual(['PALIGEMMA_EMBEDDED_MODEL']);
  });

  test('is described by its name and without one', async () => {
    expect(await modelInfo('embedded')).toMatchObject({ path: path.resolve(EMBEDDED), embedded: true });
    expect(await modelInfo()).toEqual(await modelInfo('embedded'));
  });

  test.each([[undefined], [undefined, {}], [null], [''], [7], [{ device: 'cpu' }]])(
    'is not meant by what was forgotten: load(%j, ...%j)',
    async (...given) => {
      for (const [name, call] of [
        ['load', (...args: unknown[]) => PaliGemma.load(...(args as [string]))],
        ['modelInfo', (...args: unknown[]) => modelInfo(...(args as [string]))],
      ] as const)
        await expect(call(...given)).rejects.toMatchObject({
          code: 'ERR_INVALID_ARGUMENT',
          message: expect.stringContaining(`${name}('embedded')`),
        });
    },
  );

  test.each([
    [{ quantization: 'f32' }, /to f32, or leave out quantization$/],
    [{ visionQuantization: 'f32' }, /to f32, or leave out visionQuantization$/],
  ] as const)('is in one form only: %j', async (options, message) => {
    await expect(PaliGemma.load('embedded', options)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(message),
    });
  });

  test('is named where a model is not found', async () => {
    await expect(PaliGemma.load('./embeded')).rejects.toMatchObject({
      code: 'ERR_MODEL_NOT_FOUND',
      message: expect.stringMatching(/neither a folder nor a hub id \(owner\/name\) nor 'embedded'/),
    });
  });
});
