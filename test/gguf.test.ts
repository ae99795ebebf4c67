// Everything that a model file can say wrongly. llama.cpp and clip end the process on much of it, so all of it is judged before.
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { PaliGemma } from '../lib/index.js';
import { openModelFolder } from '../lib/weights/model-folder.js';
import { converted, EMBEDDED, PICTURE, reference, scratch } from './helpers/fixtures.js';
import { as, Gguf, sizeOf, type Tensor, TYPES, typeNumber } from './helpers/gguf.js';

type Name = 'model.gguf' | 'mmproj.gguf';

const whole: Record<Name, Gguf> = {
  'model.gguf': Gguf.read(path.join(EMBEDDED, 'model.gguf')),
  'mmproj.gguf': Gguf.read(path.join(EMBEDDED, 'mmproj.gguf')),
};
const folder = scratch('judged');
const originals = scratch('whole');
for (const name of ['model.gguf', 'mmproj.gguf'])
  fs.copyFileSync(path.join(EMBEDDED, name), path.join(originals, name));

/** A folder with the embedded model, one of its files changed. */
function changed(name: Name, change: (gguf: Gguf) => unknown, files = whole): string {
  const gguf = files[name].copy();
  change(gguf);
  for (const other of ['model.gguf', 'mmproj.gguf'] as const) {
    const file = path.join(folder, other);
    fs.rmSync(file, { force: true });
    if (other === name) fs.writeFileSync(file, gguf.bytes());
    else if (files === whole) fs.linkSync(path.join(originals, other), file);
    else fs.writeFileSync(file, files[other].bytes());
  }
  return folder;
}

const refused = (name: Name, change: (gguf: Gguf) => unknown, code: string, message: RegExp) =>
  expect(openModelFolder(changed(name, change))).rejects.toMatchObject({
    name: 'PaliGemmaError',
    code,
    message: expect.stringMatching(new RegExp(`${name}.*${message.source}`)),
  });
const accepted = (name: Name, change: (gguf: Gguf) => unknown) =>
  expect(openModelFolder(changed(name, change))).resolves.toMatchObject({ name: expect.any(String) });

const INVALID = 'ERR_INVALID_MODEL';
const UNSUPPORTED = 'ERR_UNSUPPORTED_MODEL';

/** Another type, with as much data as it wants. */
function retype(tensor: Tensor, type: string): void {
  tensor.type = typeNumber(type);
  // Bytes that are small numbers as scales, and indices of every table.
  tensor.data = Buffer.alloc(sizeOf(tensor.type, tensor.shape), 0x11);
}

test('files put together again as they were are the files', () => {
  for (const name of ['model.gguf', 'mmproj.gguf'] as const)
    expect(whole[name].bytes().equals(fs.readFileSync(path.join(EMBEDDED, name)))).toBe(true);
});

describe('a header is refused', () => {
  test.each<[string, RegExp, (gguf: Gguf) => unknown]>([
    ['of version 1', /version 1,/, (g) => Object.assign(g, { version: 1 })],
    ['of a version to come', /version 4,/, (g) => Object.assign(g, { version: 4 })],
    ['of the other byte order', /version 50331648,/, (g) => Object.assign(g, { version: 0x03000000 })],
    [
      'with 2^60 tensors',
      /says that it has 1152921504606846976 tensors/,
      (g) => Object.assign(g, { tensorCount: 1n << 60n }),
    ],
    ['with -1 tensors', /says that it has 18446744073709551615 tensors/, (g) => Object.assign(g, { tensorCount: -1n })],
    ['with 2^60 keys', /says that it has 1152921504606846976 keys/, (g) => Object.assign(g, { keyCount: 1n << 60n })],
    ['with more keys than it has', /key .* is of no type|ends at byte/, (g) => Object.assign(g, { keyCount: 200n })],
    ['with fewer keys than it has', /dimension|name of a tensor/, (g) => Object.assign(g, { keyCount: 3n })],
    ['with a key twice', /"general.name" stands in it twice/, (g) => g.keys.push(g.key('general.name'))],
    ['with a key that ends at a zero byte', /name of a key is none/, (g) => g.set('gemma.block_count\0x', as.u32(1))],
    ['with a key without a name', /name of a key is none/, (g) => g.set('', as.u32(1))],
    ['with a key of no type', /"x" is of no type: 13/, (g) => g.set('x', [13, Buffer.alloc(8)])],
    ['with a key of a negative type', /"x" is of no type: -1/, (g) => g.set('x', [0xffffffff, Buffer.alloc(8)])],
    [
      'with an array of 2^60',
      /array "x" of 1152921504606846976 is longer/,
      (g) => g.set('x', as.array(4, 1n << 60n, Buffer.alloc(8))),
    ],
    [
      'with 2^60 texts',
      /array "x" of 1152921504606846976 is longer/,
      (g) => g.set('x', as.array(8, 1n << 60n, Buffer.alloc(8))),
    ],
    [
      'with an array whose size overflows',
      /array "x" of 9223372036854775809/,
      (g) => g.set('x', as.array(10, -(1n << 63n) + 1n, Buffer.alloc(8))),
    ],
    ['with an array of arrays', /"x" is an array of arrays/, (g) => g.set('x', as.array(9, 1, Buffer.alloc(12)))],
    ['with a text of 2^60 bytes', /ends at byte/, (g) => g.set('x', [8, as.u64(1n << 60n)[1]])],
    ['aligned to 0', /general.alignment is none/, (g) => g.set('general.alignment', as.u32(0))],
    ['aligned to 48', /general.alignment is none/, (g) => g.set('general.alignment', as.u32(48))],
    [
      'aligned to less than ggml wants',
      /general.alignment is none/,
      (g) => Object.assign(g.set('general.alignment', as.u32(8)), { alignment: 8 }),
    ],
    ['aligned to 2^31', /general.alignment is none/, (g) => g.set('general.alignment', as.u32(2 ** 31))],
    ['whose alignment is a text', /general.alignment is none/, (g) => g.set('general.alignment', as.text('32'))],
    [
      'with a tensor twice',
      /"output_norm.weight" stands in it twice/,
      (g) => g.tensors.push(g.tensor('output_norm.weight')),
    ],
    [
      'with a tensor without a name',
      /name of a tensor is none/,
      (g) => Object.assign(g.tensor('output_norm.weight'), { name: '' }),
    ],
    [
      'with too long a name',
      /name of a tensor is none/,
      (g) => Object.assign(g.tensor('output_norm.weight'), { name: 'x'.repeat(64) }),
    ],
    [
      'with a zero byte in a name',
      /name of a tensor is none/,
      (g) => Object.assign(g.tensor('output_norm.weight'), { name: 'output_norm.weight\0' }),
    ],
    ['with no dimensions', /has 0 dimensions/, (g) => Object.assign(g.tensor('output_norm.weight'), { shape: [] })],
    [
      'with five dimensions',
      /has 5 dimensions/,
      (g) => Object.assign(g.tensor('output_norm.weight'), { shape: [256, 1, 1, 1, 1] }),
    ],
    [
      'with a dimension of 0',
      /dimension of 0/,
      (g) => Object.assign(g.tensor('output_norm.weight'), { shape: [256, 0] }),
    ],
    [
      'with a negative dimension',
      /dimension of -256/,
      (g) => Object.assign(g.tensor('output_norm.weight'), { shape: [-256] }),
    ],
    [
      'whose dimensions overflow',
      /dimension of 2147483648/,
      (g) => Object.assign(g.tensor('output_norm.weight'), { shape: [2 ** 31, 2 ** 31, 2 ** 31] }),
    ],
    [
      'with a type that ggml has given up',
      /is of no type: 4/,
      (g) => Object.assign(g.tensor('output_norm.weight'), { type: 4 }),
    ],
    [
      'with a type to come',
      /is of no type: 1000/,
      (g) => Object.assign(g.tensor('output_norm.weight'), { type: 1000 }),
    ],
    [
      'with a negative type',
      /is of no type: -1/,
      (g) => Object.assign(g.tensor('output_norm.weight'), { type: 0xffffffff }),
    ],
    [
      'with rows of parts of blocks',
      /no number of q8_0 blocks/,
      (g) => Object.assign(g.tensor('blk.0.attn_q.weight'), { type: 8, shape: [200, 256] }),
    ],
    [
      'with a tensor elsewhere',
      /lies at 64 of the data/,
      (g) => Object.assign(g.tensor('blk.0.attn_q.weight'), { offset: 64 }),
    ],
    [
      'with a tensor beyond everything',
      /lies at 9007199254740992 of/,
      (g) => Object.assign(g.tensor('blk.0.attn_q.weight'), { offset: 2 ** 53 }),
    ],
    [
      'with two tensors in one place',
      /lies at 0 of the data/,
      (g) => Object.assign(g.tensor('blk.0.attn_q.weight'), { offset: 0 }),
    ],
    [
      'with less data than tensors',
      /cut off/,
      (g) => Object.assign(g.tensors.at(-1) as Tensor, { data: Buffer.alloc(32) }),
    ],
  ])('%s', (_, message, change) => refused('model.gguf', change, INVALID, message));

  test('that is larger than any, without reading it', async () => {
    const gguf = whole['model.gguf'].copy().set('x', as.array(0, 1 << 28, Buffer.alloc(0)));
    const file = path.join(
      changed('model.gguf', () => {}),
      'model.gguf',
    );
    fs.writeFileSync(file, gguf.bytes());
    fs.truncateSync(file, 2 ** 30);
    await expect(openModelFolder(folder)).rejects.toMatchObject({ message: expect.stringMatching(/"x" of 268435456/) });
  });
});

describe('a key is refused', () => {
  test.each<[Name, string, [number, Buffer] | undefined, string, RegExp]>([
    ['model.gguf', 'gemma.expert_count', as.u32(8), UNSUPPORTED, /has the key gemma.expert_count/],
    ['model.gguf', 'gemma.pooling_type', as.u32(1), UNSUPPORTED, /has the key gemma.pooling_type/],
    ['model.gguf', 'gemma.rope.scaling.type', as.text('yarn'), UNSUPPORTED, /has the key gemma.rope.scaling.type/],
    ['model.gguf', 'gemma.attention.causal', as.bool(false), UNSUPPORTED, /is false, expected true/],
    ['model.gguf', 'gemma.vocab_size', as.u32(7), INVALID, /vocab_size is 7 for 3264 tokens/],
    ['model.gguf', 'gemma.block_count', as.u32(0), INVALID, /is 0, expected a whole number from 1 to 256/],
    ['model.gguf', 'gemma.block_count', as.u32(100_000), INVALID, /is 100000, expected/],
    ['model.gguf', 'gemma.block_count', as.i32(5), INVALID, /is i32, expected u32/],
    ['model.gguf', 'gemma.block_count', as.u64(5), INVALID, /is u64, expected u32/],
    ['model.gguf', 'gemma.block_count', undefined, INVALID, /has no gemma.block_count/],
    ['model.gguf', 'gemma.context_length', as.u32(2 ** 32 - 1), INVALID, /is 4294967295, expected/],
    ['model.gguf', 'gemma.attention.head_count', as.u32(3), INVALID, /3 heads cannot share|attn_q/],
    ['model.gguf', 'gemma.attention.head_count_kv', as.u32(0), INVALID, /is 0, expected/],
    ['model.gguf', 'gemma.attention.head_count_kv', as.i32s([1, 1]), INVALID, /is an array of i32, expected u32/],
    ['model.gguf', 'gemma.attention.key_length', as.u32(32), INVALID, /keys and values differ/],
    ['model.gguf', 'gemma.attention.layer_norm_rms_epsilon', as.f32(NaN), INVALID, /is nan, expected a number/],
    ['model.gguf', 'gemma.attention.layer_norm_rms_epsilon', as.f32(-1), INVALID, /is -1, expected/],
    ['model.gguf', 'gemma.rope.dimension_count', as.u32(2 ** 31), UNSUPPORTED, /rotates 2147483648 of/],
    ['model.gguf', 'gemma.rope.freq_base', as.f32(0), INVALID, /is 0, expected/],
    ['model.gguf', 'gemma.rope.freq_base', as.f32(Infinity), INVALID, /is inf, expected/],
    ['model.gguf', 'split.count', as.u16(3), INVALID, /split.count is 3/],
    ['model.gguf', 'split.count', as.u32(0), INVALID, /split.count is u32, expected u16/],
    ['model.gguf', 'general.name', as.u32(1), INVALID, /general.name is u32, expected str/],
    ['model.gguf', 'general.file_type', as.text('f16'), INVALID, /general.file_type is str, expected u32/],
    ['model.gguf', 'general.architecture', as.u32(1), UNSUPPORTED, /holds a "" model/],
    ['model.gguf', 'tokenizer.ggml.model', as.text('t5'), UNSUPPORTED, /is "t5", expected "llama"/],
    ['model.gguf', 'tokenizer.ggml.pre', as.f32(1), INVALID, /pre is f32, expected str/],
    ['model.gguf', 'tokenizer.ggml.add_bos_token', as.u32(1), INVALID, /is u32, expected bool/],
    ['model.gguf', 'tokenizer.ggml.eot_token_id', as.i32(-1), INVALID, /is i32, expected u32/],
    ['model.gguf', 'tokenizer.ggml.bos_token_id', as.u32(3264), INVALID, /3264 lies outside the vocabulary of 3264/],
    [
      'model.gguf',
      'tokenizer.ggml.suppress_tokens',
      as.i32s([5]),
      UNSUPPORTED,
      /has the key tokenizer.ggml.suppress_tokens/,
    ],
    ['model.gguf', 'tokenizer.ggml.scores', as.f32s([0]), INVALID, /scores has 1 entries for 3264/],
    ['model.gguf', 'tokenizer.ggml.token_type', as.f32s([0]), INVALID, /is an array of f32, expected an array of i32/],
    ['model.gguf', 'tokenizer.ggml.tokens', as.texts([]), INVALID, /vocabulary is empty/],
    ['mmproj.gguf', 'clip.vision.attention.head_count', as.f32(4), INVALID, /is f32, expected u32/],
    ['mmproj.gguf', 'clip.vision.attention.head_count', as.u32(0), INVALID, /is 0, expected/],
    [
      'mmproj.gguf',
      'clip.vision.attention.head_count_kv',
      as.u32(1),
      UNSUPPORTED,
      /has the key clip.vision.attention.head_count_kv/,
    ],
    ['mmproj.gguf', 'clip.vision.feature_layer', as.i32s([-1]), UNSUPPORTED, /has the key clip.vision.feature_layer/],
    ['mmproj.gguf', 'clip.vision.projection_dim', as.u32(2 ** 31), INVALID, /is 2147483648, expected/],
    ['mmproj.gguf', 'clip.vision.projection_dim', undefined, INVALID, /has no clip.vision.projection_dim/],
    ['mmproj.gguf', 'clip.vision.patch_size', as.u32(13), INVALID, /112 pixels are not a whole number of 13/],
    [
      'mmproj.gguf',
      'clip.vision.patch_size',
      as.u32(1),
      UNSUPPORTED,
      /image of 12544 tokens and \d+ heads takes too much memory/,
    ],
    ['mmproj.gguf', 'clip.vision.image_mean', as.f32s([0.5]), UNSUPPORTED, /is not 0.5, 0.5, 0.5/],
    [
      'mmproj.gguf',
      'clip.vision.image_std',
      as.i32s([1, 1, 1]),
      INVALID,
      /is an array of i32, expected an array of f32/,
    ],
    ['mmproj.gguf', 'clip.has_vision_encoder', as.u32(1), INVALID, /is u32, expected bool/],
    ['mmproj.gguf', 'clip.has_audio_encoder', as.bool(true), UNSUPPORTED, /is true, expected false/],
    ['mmproj.gguf', 'clip.use_silu', as.bool(true), UNSUPPORTED, /is true, expected false/],
    ['mmproj.gguf', 'clip.use_gelu', as.bool(false), UNSUPPORTED, /is false, expected true/],
    ['mmproj.gguf', 'clip.vision.projector_type', as.text('mlp'), UNSUPPORTED, /is "mlp", expected "paligemma"/],
    ['mmproj.gguf', 'general.description', as.u32(1), INVALID, /description is u32, expected str/],
    ['mmproj.gguf', 'paligemma.image_token_id', as.f32(1), INVALID, /is f32, expected u32/],
  ])('%s: %s', (name, key, value, code, message) =>
    refused(name, (gguf) => (value ? gguf.set(key, value) : gguf.without(key)), code, message),
  );
});

describe('a vocabulary is refused', () => {
  const tokens = whole['model.gguf'].texts('tokenizer.ggml.tokens');
  const id = (text: string) => tokens.findIndex((token) => token.toString() === text);
  const replaced = (at: number, text: string | Buffer) => (gguf: Gguf) =>
    gguf.set('tokenizer.ggml.tokens', as.texts(tokens.with(at, Buffer.from(text))));

  test.each<[string, number, string | Buffer, RegExp]>([
    ['with an empty token', 300, '', /token 300 is empty/],
    ['with equal tokens', 300, tokens[301] as Buffer, /not all different ones: 300 and 301/],
    ['with a token that is no UTF-8', 300, Buffer.of(0xc0, 0x80), /token 300 is no text in UTF-8/],
    ['with a token that ends at a zero byte', 300, 'a\0b', /token 300 is no text in UTF-8/],
    ['with a token of megabytes', 300, 'x'.repeat(1 << 21), /token 300 has 2097152 bytes/],
    ['without the token of a byte', id('<0xF1>'), 'other', /no token <0xF1>|is to be a byte/],
    ['with a byte that is none', id('<0xF1>'), '<0xf1>', /no token <0xF1>|is to be a byte/],
  ])('%s', (_, at, text, message) => refused('model.gguf', replaced(at, text), INVALID, message));

  test('with a token of no type', () =>
    refused(
      'model.gguf',
      (gguf) => gguf.set('tokenizer.ggml.token_type', as.i32s(tokens.map((_, i) => (i === 5 ? 7 : 1)))),
      INVALID,
      /token_type of token 5 is 7, expected 0 to 6/,
    ));
  test.each([NaN, Infinity, -Infinity])('with a score of %d', (score) =>
    refused(
      'model.gguf',
      (gguf) => gguf.set('tokenizer.ggml.scores', as.f32s(tokens.map((_, i) => (i === 5 ? score : 0)))),
      INVALID,
      /scores of token 5 is no finite number/,
    ),
  );
});

describe('a tensor is refused', () => {
  test.each<[Name, string, string, string]>([
    ['model.gguf', 'token_embd.weight', 'i16', UNSUPPORTED],
    ['model.gguf', 'blk.1.ffn_down.weight', 'i16', UNSUPPORTED],
    ['model.gguf', 'blk.1.ffn_down.weight', 'i32', UNSUPPORTED],
    ['model.gguf', 'blk.1.ffn_down.weight', 'f64', UNSUPPORTED],
    ['model.gguf', 'blk.1.ffn_down.weight', 'q8_1', UNSUPPORTED],
    ['model.gguf', 'blk.1.ffn_down.weight', 'q8_K', UNSUPPORTED],
    ['model.gguf', 'blk.1.attn_norm.weight', 'f16', INVALID],
    ['model.gguf', 'output_norm.weight', 'bf16', INVALID],
    ['mmproj.gguf', 'v.blk.0.ffn_up.weight', 'i16', UNSUPPORTED],
    ['mmproj.gguf', 'v.patch_embd.weight', 'f16', INVALID],
    ['mmproj.gguf', 'v.patch_embd.bias', 'f16', INVALID],
    ['mmproj.gguf', 'v.position_embd.weight', 'f16', INVALID],
    ['mmproj.gguf', 'v.blk.0.ln1.weight', 'i32', INVALID],
    ['mmproj.gguf', 'mm.0.weight', 'i8', UNSUPPORTED],
    ['mmproj.gguf', 'mask.decoder.4.weight', 'f16', INVALID],
  ])('%s: %s in %s', (name, tensor, type, code) =>
    refused(
      name,
      (gguf) => retype(gguf.tensor(tensor), type),
      code,
      new RegExp(`tensor ${tensor} is ${type}, expected f32`),
    ),
  );

  test.each<[string, RegExp, (gguf: Gguf) => unknown]>([
    [
      'of another shape',
      /blk.0.attn_q.weight is \[512,128\], expected \[256,256\]/,
      (g) => Object.assign(g.tensor('blk.0.attn_q.weight'), { shape: [512, 128] }),
    ],
    ['that is missing', /tensor blk.2.attn_norm.weight is missing/, (g) => g.without('blk.2.attn_norm.weight')],
    [
      'that no PaliGemma has',
      /does not: blk.0.attn_q.bias/,
      (g) => g.tensors.push({ ...g.tensor('output_norm.weight'), name: 'blk.0.attn_q.bias' }),
    ],
    [
      'that scales another',
      /does not: blk.0.attn_q.scale/,
      (g) => g.tensors.push({ name: 'blk.0.attn_q.scale', type: 0, shape: [1], data: Buffer.alloc(4) }),
    ],
  ])('%s', (_, message, change) => refused('model.gguf', change, INVALID, message));

  test('of a mask decoder that is not whole', () =>
    refused(
      'mmproj.gguf',
      (gguf) => gguf.without('mask.decoder.0.weight'),
      INVALID,
      /mask.decoder.0.weight is missing/,
    ));
});

describe('what other programs write is passed over', () => {
  test.each<[Name, string, [number, Buffer]]>([
    ['model.gguf', 'general.base_model.count', as.u32(1)],
    ['model.gguf', 'general.languages', as.texts(['en'])],
    ['model.gguf', 'general.quantized_by', as.text('somebody')],
    ['model.gguf', 'general.alignment', as.u32(32)],
    ['model.gguf', 'quantize.imatrix.entries_count', as.i32(18)],
    ['model.gguf', 'somebody.notes', as.texts(['anything'])],
    ['model.gguf', 'split.count', as.u16(0)],
    ['model.gguf', 'gemma.vocab_size', as.u32(3264)],
    ['model.gguf', 'tokenizer.chat_template', as.text('{{ messages }}')],
    ['model.gguf', 'tokenizer.chat_template.tool_use', as.text('{{ messages }}')],
    ['model.gguf', 'tokenizer.ggml.eot_token_id', as.u32(107)],
    ['model.gguf', 'tokenizer.ggml.mask_token_id', as.u32(4)],
    ['model.gguf', 'tokenizer.huggingface.json', as.text('{}')],
    ['mmproj.gguf', 'clip.has_audio_encoder', as.bool(false)],
    ['mmproj.gguf', 'general.description', as.text('a tower')],
  ])('%s: %s', (name, key, value) => accepted(name, (gguf) => gguf.set(key, value)));

  test('data with more room between tensors', () =>
    accepted('model.gguf', (gguf) => Object.assign(gguf.set('general.alignment', as.u32(256)), { alignment: 256 })));

  test('a name that llama.cpp would read something into', async () => {
    const named = changed('model.gguf', (gguf) => gguf.set('general.name', as.text('not a Phi-3')));
    await using model = await PaliGemma.load(named);
    expect(await model.caption(PICTURE)).toBe('an owl and a cat');
  });
});

describe('every type that is let through is computed with, alone and together', () => {
  const MATRIX = ['f32', 'f16', 'bf16', 'q4_0', 'q4_1', 'q5_0', 'q5_1', 'q8_0', 'iq4_nl'];
  const K = Object.values(TYPES).flatMap(([name]) => (/_K$|^iq/.test(name) && !/q8_K|iq4_nl/.test(name) ? [name] : []));

  test.each([...MATRIX, ...K])('%s', async (type) => {
    const fits = (tensor: Tensor) =>
      /(attn_(q|k|v|out|output)|ffn_(gate|up|down)|token_embd|mm\.0)\.weight/.test(
        tensor.name.replace(/^(v\.)?blk\.\d+\./, ''),
      ) && (tensor.shape[0] as number) % (TYPES[typeNumber(type)]?.[1] as number) === 0;
    const files = { ...whole };
    let retyped = 0;
    for (const name of ['model.gguf', 'mmproj.gguf'] as const) {
      files[name] = whole[name].copy();
      for (const tensor of files[name].tensors.filter(fits)) {
        retype(tensor, type);
        retyped++;
      }
    }
    expect(retyped).toBeGreaterThan(30);
    await using model = await PaliGemma.load(
      changed('model.gguf', () => {}, files),
      { maxSequences: 3 },
    );
    const { logits } = await model.trace({ prompt: 'caption en', images: [PICTURE] });
    expect(logits.every(Number.isFinite)).toBe(true);
    const ask = (prompt: string) => model.generate({ prompt, images: [PICTURE], maxTokens: 3 });
    const answers = await Promise.all([ask('caption en'), ask('caption en'), ask('detect cat and dog')]);
    expect(answers.map(({ tokens }) => tokens.length > 0)).toEqual([true, true, true]);
  });
});

test.each(['pg1-random', 'pg2-random-window'])('sizes of %s are bounded by its tensors', async (source) => {
  const target = await converted(reference(source), 'q8_0');
  const files = {
    'model.gguf': Gguf.read(path.join(target, 'model.gguf')),
    'mmproj.gguf': Gguf.read(path.join(target, 'mmproj.gguf')),
  };
  const numbers = files['model.gguf'].keys.filter(({ key, type }) => type === 4 && /^gemma/.test(key));
  expect(numbers.length).toBeGreaterThan(8);
  for (const { key, value } of numbers)
    for (const size of [0, 1, value.readUInt32LE() * 2, 2 ** 31 - 1, 2 ** 32 - 1]) {
      // Nothing hangs on how long a context or a window is.
      if (size === value.readUInt32LE() || (/context_length|sliding_window/.test(key) && size > 0 && size < 2 ** 24))
        continue;
      await expect(
        openModelFolder(changed('model.gguf', (gguf) => gguf.set(key, as.u32(size)), files)),
      ).rejects.toMatchObject({
        code: expect.stringMatching(/ERR_(INVALID|UNSUPPORTED)_MODEL/),
      });
    }
});
