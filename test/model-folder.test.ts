// ggml ends the process when a file is not what it expects: whatever a user may hand over must be turned away before.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { GgufEntry, GgufPlan } from '../lib/addon/gguf.js';
import { native } from '../lib/addon/native.js';
import { openCheckpoint } from '../lib/checkpoint/open.js';
import { convert, modelInfo, PaliGemma, PaliGemmaError } from '../lib/index.js';
import { textMetadata, visionMetadata } from '../lib/weights/metadata.js';
import { planText, planVision } from '../lib/weights/tensor-plan.js';
import { converted, EMBEDDED, emoji, PICTURE, reference, scratch, within } from './helpers/fixtures.js';

const folder = scratch('damaged');
const whole = Object.fromEntries(
  ['model.gguf', 'mmproj.gguf'].map((name) => [name, fs.readFileSync(path.join(EMBEDDED, name))]),
);
let alive: PaliGemma;

beforeAll(async () => {
  alive = await PaliGemma.load(EMBEDDED);
});
afterAll(() => alive.dispose());

function lay(files: Record<string, Uint8Array | undefined>): string {
  for (const name of Object.keys(whole)) {
    const content = name in files ? files[name] : whole[name];
    fs.rmSync(path.join(folder, name), { force: true });
    if (content) fs.writeFileSync(path.join(folder, name), content);
  }
  return folder;
}

/** The file with bytes of its header changed; `find` names the place by the text before it. */
function edit(name: string, find: string, offset: number, bytes: number[]): Buffer {
  const copy = Buffer.from(whole[name] as Buffer);
  const at = copy.indexOf(find);
  expect(at).toBeGreaterThan(0);
  copy.set(bytes, at + find.length + offset);
  return copy;
}

const refused = async (files: Record<string, Uint8Array | undefined>, code: string, message: RegExp) => {
  await expect(PaliGemma.load(lay(files))).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  expect(await alive.caption(PICTURE)).toBe('an owl and a cat');
};

describe('refuses', () => {
  test('a folder that is not there', () =>
    expect(PaliGemma.load('/no/such/model')).rejects.toMatchObject({
      code: 'ERR_MODEL_NOT_FOUND',
      message: expect.stringMatching(/neither a folder nor a hub id/),
    }));
  test('an empty folder', () =>
    expect(PaliGemma.load(scratch('empty'))).rejects.toMatchObject({ code: 'ERR_MODEL_NOT_FOUND' }));
  test.each(['model.gguf', 'mmproj.gguf'])('a folder without %s', (name) =>
    refused({ [name]: undefined }, 'ERR_MODEL_NOT_FOUND', new RegExp(`${name} is missing`)),
  );

  test.each(['model.gguf', 'mmproj.gguf'])('a folder as %s', (name) => {
    fs.mkdirSync(path.join(lay({ [name]: undefined }), name));
    return expect(PaliGemma.load(folder))
      .rejects.toMatchObject({ code: 'ERR_MODEL_NOT_FOUND', message: expect.stringMatching(`${name} is missing`) })
      .finally(() => fs.rmdirSync(path.join(folder, name)));
  });

  test.each(['model.gguf', 'mmproj.gguf'])('an empty %s', (name) =>
    refused({ [name]: new Uint8Array() }, 'ERR_INVALID_MODEL', /not a whole GGUF file/),
  );
  test.each(['model.gguf', 'mmproj.gguf'])('a %s that is something else', (name) =>
    refused(
      { [name]: Buffer.from('PK\u0003\u0004 nothing of the kind') },
      'ERR_INVALID_MODEL',
      /not a whole GGUF file/,
    ),
  );
  test.each([10, 500, 5_000, 1_000_000, -1])('model.gguf cut off at byte %i', (length) =>
    refused(
      { 'model.gguf': whole['model.gguf']?.subarray(0, length) },
      'ERR_INVALID_MODEL',
      /not a whole GGUF file|cut off/,
    ),
  );
  test.each([10, 500, 3_000, 1_000_000, -100])('mmproj.gguf cut off at byte %i', (length) =>
    refused(
      { 'mmproj.gguf': whole['mmproj.gguf']?.subarray(0, length) },
      'ERR_INVALID_MODEL',
      /not a whole GGUF file|cut off/,
    ),
  );

  test('a text model of another architecture', () =>
    refused(
      { 'model.gguf': edit('model.gguf', 'general.architecture', 12, [...Buffer.from('llama')]) },
      'ERR_UNSUPPORTED_MODEL',
      /"llama" model/,
    ));
  test('a projector of another kind', () =>
    refused(
      { 'mmproj.gguf': edit('mmproj.gguf', 'clip.projector_type', 12, [...Buffer.from('paligemmx')]) },
      'ERR_UNSUPPORTED_MODEL',
      /"paligemmx"/,
    ));
  test('the two files swapped', () =>
    refused(
      { 'model.gguf': whole['mmproj.gguf'], 'mmproj.gguf': whole['model.gguf'] },
      'ERR_UNSUPPORTED_MODEL',
      /"clip" model/,
    ));
  test('sizes that its tensors do not have', () =>
    refused(
      { 'model.gguf': edit('model.gguf', 'gemma.embedding_length', 4, [0, 2]) },
      'ERR_INVALID_MODEL',
      /token_embd\.weight is \[256,3264\], expected \[512,3264\]/,
    ));
  test('more layers than tensors', () =>
    refused(
      { 'model.gguf': edit('model.gguf', 'gemma.block_count', 4, [5]) },
      'ERR_INVALID_MODEL',
      /blk\.4\.attn_norm\.weight is missing/,
    ));
  test('heads that do not divide', () =>
    refused(
      { 'mmproj.gguf': edit('mmproj.gguf', 'clip.vision.attention.head_count', 4, [7]) },
      'ERR_INVALID_MODEL',
      /7 heads/,
    ));
  test('special tokens outside the vocabulary', () =>
    refused(
      { 'model.gguf': edit('model.gguf', 'tokenizer.ggml.eos_token_id', 4, [0, 0, 1]) },
      'ERR_INVALID_MODEL',
      /outside the vocabulary/,
    ));
  test('a vocabulary with equal tokens', () =>
    refused({ 'model.gguf': edit('model.gguf', '<loc0001', -1, [0x30]) }, 'ERR_INVALID_MODEL', /different ones/));
  test('a vision tower for another text model', async () => {
    const other = await converted(reference('pg1-random'), 'f32');
    await refused(
      { 'mmproj.gguf': fs.readFileSync(path.join(other, 'mmproj.gguf')) },
      'ERR_INVALID_MODEL',
      /mm\.0\.weight is/,
    );
  });
});

test(
  'any bytes changed in a header end in an error of ours or in a model that works',
  async () => {
    const change = fc.record({
      name: fc.constantFrom('model.gguf', 'mmproj.gguf'),
      edits: fc.array(fc.tuple(fc.nat(2600), fc.oneof(fc.constantFrom(0, 255), fc.nat(255))), {
        minLength: 1,
        maxLength: 3,
      }),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ name, edits }) => {
        const copy = Buffer.from(whole[name] as Buffer);
        for (const [at, value] of edits) copy[at] = value;
        try {
          await using model = await PaliGemma.load(lay({ [name]: copy }));
          await model.generate({ prompt: 'caption en <loc0001>', images: [PICTURE], maxTokens: 3 });
        } catch (error) {
          expect(error).toBeInstanceOf(PaliGemmaError);
        }
      }),
      { numRuns: 150 },
    );
  },
  within(120_000),
);

test('info reads headers only and refuses as load does', async () => {
  expect(await modelInfo(EMBEDDED)).toMatchObject({
    name: 'paligemma-emoji-112',
    embedded: true,
    licence: 'cc-by-4.0',
    parameters: 5_465_600,
  });
  await expect(modelInfo(lay({ 'model.gguf': new Uint8Array(3) }))).rejects.toMatchObject({
    code: 'ERR_INVALID_MODEL',
  });
});

describe('GGUF files of another converter', () => {
  /** The emoji model as somebody else's tools would write it: other names, and without what is only ours. */
  async function foreign(change: (vision: GgufEntry[], text: GgufEntry[]) => void = () => {}): Promise<string> {
    const checkpoint = await openCheckpoint(emoji('checkpoint'));
    const origin = { name: 'emoji', licence: 'cc-by-4.0' };
    const dropped = /paligemma\.|general\.(file_type|quantization_version|license|size_label|tags)|rope\.|use_gelu_/;
    const text = textMetadata(checkpoint, 'f16', origin).filter(({ key }) => !dropped.test(key));
    const vision = visionMetadata(checkpoint, 'f16', checkpoint.hyperparameters.vision.mlpWidth, origin).filter(
      ({ key }) => !dropped.test(key),
    );
    change(vision, text);
    const target = scratch('foreign');
    const write = (name: string, values: GgufEntry[], tensors: GgufPlan['tensors']) =>
      native().writeGguf({ path: path.join(target, name), threads: 1, values, tensors }, () => {}).promise;
    await write('emoji-F16.gguf', text, planText(checkpoint, 'f16'));
    await write('emoji-mmproj-F16.gguf', vision, planVision(checkpoint, checkpoint.vision, 'f16'));
    return target;
  }

  test('load when their metadata suffices', async () => {
    await using model = await PaliGemma.load(await foreign());
    expect(await model.caption(PICTURE)).toBe('an owl and a cat');
    expect(model.info).toMatchObject({ quantization: 'f16', visionQuantization: 'f16', licence: 'unknown' });
  });

  test.each([
    ['another projector', 'clip.projector_type', 'mlp', /projector is "mlp".*leaves open.*scale of the checkpoint/],
    ['another kind of text model', 'general.architecture', 'llama', /"llama" model/],
  ])('are refused with %s', async (_, key, value, message) => {
    const changed = await foreign((...both) => {
      const entries = key.startsWith('clip') ? both[0] : both[1];
      const entry = entries.find((candidate) => candidate.key === key) as { value: unknown };
      entry.value = value;
    });
    await expect(PaliGemma.load(changed)).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED_MODEL',
      message: expect.stringMatching(message),
    });
  });

  test('are refused when there are several of a kind', async () => {
    const target = await foreign();
    fs.copyFileSync(path.join(target, 'emoji-F16.gguf'), path.join(target, 'emoji-Q8_0.gguf'));
    await expect(PaliGemma.load(target)).rejects.toMatchObject({
      code: 'ERR_INVALID_MODEL',
      message: expect.stringMatching(/several text models: .*emoji-F16\.gguf.*emoji-Q8_0\.gguf/),
    });
  });

  test('cannot be converted again', async () => {
    await expect(convert(await foreign(), scratch('again'))).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED_MODEL',
      message: expect.stringMatching(/converted already/),
    });
  });
});

test('a type that a converted model does not have is not passed over', async () => {
  await expect(PaliGemma.load(EMBEDDED, { quantization: 'q4_k_m' })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: expect.stringMatching(/text f16, vision f16/),
  });
});

test.each(['adapter', 'maskDecoder', 'tokenizer'])(
  '%s, for which it is too late, is not passed over',
  async (option) => {
    const target = await converted(emoji('checkpoint'), 'f16');
    for (const call of [PaliGemma.load, modelInfo])
      for (const model of [target, 'embedded'])
        await expect(call(model, { [option]: emoji('checkpoint') })).rejects.toMatchObject({
          code: 'ERR_INVALID_ARGUMENT',
          message: expect.stringMatching(new RegExp(`converted already: .* with ${option}, or leave out ${option}$`)),
        });
  },
);

test('what else lies in a model folder does not make it a checkpoint', async () => {
  const target = await converted(emoji('checkpoint'), 'f16');
  fs.copyFileSync(emoji('checkpoint', 'config.json'), path.join(target, 'config.json'));
  fs.copyFileSync(emoji('vae-emoji.npz'), path.join(target, 'vae-emoji.npz'));
  expect((await modelInfo(target)).path).toBe(target);
  fs.rmSync(path.join(target, 'config.json'));
  expect((await modelInfo(target)).path).toBe(target);
});
