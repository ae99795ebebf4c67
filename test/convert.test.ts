import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { gguf } from '@huggingface/gguf';
import { describe, expect, test } from '@jest/globals';
import type { GgufPlan, NativeView } from '../lib/addon/gguf.js';
import { native } from '../lib/addon/native.js';
import { openCheckpoint } from '../lib/checkpoint/open.js';
import { readSafetensors } from '../lib/checkpoint/safetensors.js';
import type { StoredTensor } from '../lib/checkpoint/stored-tensor.js';
import { convert, modelInfo, PaliGemma } from '../lib/index.js';
import { openModelFolder } from '../lib/weights/model-folder.js';
import {
  bytesOf,
  copyCheckpoint,
  editJson,
  type Json,
  renameTensors,
  split,
  widen,
  writeSafetensors,
} from './helpers/checkpoints.js';
import { converted, emoji, type ReferenceCase, readJson, reference, scratch } from './helpers/fixtures.js';

const both = (folder: string) => ['model.gguf', 'mmproj.gguf'].map((name) => fs.readFileSync(path.join(folder, name)));
const options = { quantization: 'f32', name: 'same' } as const;

describe('the same weights give the same files', () => {
  const source = reference('pg1-random');
  let expected: Buffer[];

  const check = async (checkpoint: string) => {
    const target = scratch('same');
    await convert(checkpoint, target, options);
    const found = both(target);
    expected ??= found;
    expect(found.map((file, i) => file.equals(expected[i] as Buffer))).toEqual([true, true]);
  };

  test('as transformers 5 writes them', () => check(source));

  test('under the names of published checkpoints', async () => {
    const folder = copyCheckpoint(source);
    renameTensors(folder, (name) => name.replace(/^vision_tower\./, 'vision_tower.vision_model.'));
    await check(folder);
  });

  test('under the module names of transformers 5', async () => {
    const folder = copyCheckpoint(source);
    renameTensors(folder, (name) => `model.${name.replace('language_model.model.', 'language_model.')}`);
    await check(folder);
  });

  test('with a tied head stored a second time', async () => {
    const folder = copyCheckpoint(source);
    const file = path.join(folder, 'model.safetensors');
    const tensors = await bytesOf(file);
    tensors.set('language_model.lm_head.weight', tensors.get('language_model.model.embed_tokens.weight') as never);
    writeSafetensors(file, tensors);
    await check(folder);
  });

  test('in three shards with an index', async () => {
    const folder = copyCheckpoint(source);
    await split(folder, 3);
    await check(folder);
  });

  test('bfloat16 as such and widened to float32', async () => {
    const folder = copyCheckpoint(reference('pg1-random-published-keys'));
    const [a, b] = [scratch('bf16'), scratch('f32')];
    await convert(folder, a, options);
    await widen(folder);
    await convert(folder, b, options);
    expect(both(a).map((file, i) => file.equals(both(b)[i] as Buffer))).toEqual([true, true]);
  });
});

test("every tensor of a float32 conversion holds the source's values", async () => {
  const checkpoint = await openCheckpoint(reference('pg2-random'));
  const folder = await converted(reference('pg2-random'), 'f32');
  for (const [tensors, file] of [
    [checkpoint.text, 'model.gguf'],
    [checkpoint.vision, 'mmproj.gguf'],
  ] as const) {
    const { tensorInfos, tensorDataOffset } = await gguf(path.join(folder, file), { allowLocalFile: true });
    const data = fs.readFileSync(path.join(folder, file));
    expect(tensorInfos).toHaveLength(tensors.length);
    for (const tensor of tensors) {
      const info = tensorInfos.find((candidate) => candidate.name === tensor.gguf);
      const source = floats(tensor.stored);
      const start = Number(tensorDataOffset) + Number(info?.offset);
      const stored = new Float32Array(
        data.buffer.slice(data.byteOffset + start, data.byteOffset + start + source.length * 4),
      );
      expect([
        tensor.gguf,
        stored.every((value, i) => value === Math.fround((source[i] as number) + tensor.add)),
      ]).toEqual([tensor.gguf, true]);
    }
  }
});

function floats({ path: file, offset, shape }: StoredTensor): Float32Array {
  const length = shape.reduce((product, n) => product * n, 1);
  const bytes = fs.readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + length * 4));
}

describe('metadata', () => {
  test('follows the conventions of GGUF', async () => {
    const folder = await converted(reference('pg2-random-window'), 'bf16');
    const text = (await gguf(path.join(folder, 'model.gguf'), { allowLocalFile: true })).metadata as Record<
      string,
      unknown
    >;
    expect(text).toMatchObject({
      'general.architecture': 'gemma2',
      'general.file_type': 32,
      'gemma2.attention.sliding_window': 64,
      'gemma2.attn_logit_softcapping': 50,
      'gemma2.final_logit_softcapping': 30,
      'tokenizer.ggml.model': 'llama',
      'tokenizer.ggml.add_space_prefix': false,
    });
    expect(text['tokenizer.ggml.tokens']).toHaveLength(3776);
    const vision = (await gguf(path.join(folder, 'mmproj.gguf'), { allowLocalFile: true })).metadata as Record<
      string,
      unknown
    >;
    expect(vision).toMatchObject({
      'general.architecture': 'clip',
      'clip.projector_type': 'paligemma',
      'clip.vision.image_size': 224,
    });
  });

  test('tells what info shows', async () => {
    const folder = await converted(emoji('checkpoint'), 'bf16');
    expect(await modelInfo(folder)).toMatchObject({
      architecture: 'paligemma',
      imageSize: 112,
      imageTokens: 64,
      width: 256,
      layers: 4,
      vocabulary: 3264,
      quantization: 'bf16',
      embedded: false,
      contextTokens: 1024,
    });
  });
});

describe('tokenizer', () => {
  test('comes from tokenizer.json where tokenizer.model is missing, with the same ids', async () => {
    const folder = copyCheckpoint(reference('pg1-random'));
    fs.rmSync(path.join(folder, 'tokenizer.model'));
    const target = scratch('json');
    await convert(folder, target, options);
    await using model = await PaliGemma.load(target);
    const cases: ReferenceCase[] = readJson(reference('pg1-random', 'expected', 'cases.json')).cases;
    for (const c of cases.filter(({ images }) => images.length === 1)) {
      const { inputIds } = await model.trace({
        prompt: c.prompt,
        images: [reference('images', c.images[0] as string)],
      });
      expect([...inputIds]).toEqual(c.input_ids);
    }
  });

  test('knows added tokens that only added_tokens.json names', async () => {
    const folder = copyCheckpoint(emoji('checkpoint'));
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) fs.rmSync(path.join(folder, name));
    const target = scratch('added');
    await convert(folder, target, options);
    await using model = await PaliGemma.load(target);
    const { inputIds } = await model.trace({ prompt: '<loc0001><seg127>' });
    expect([...inputIds]).toEqual([2, 2049, 3199, 5]);
  });
});

describe('what cannot be converted', () => {
  const target = scratch('refused');
  const refused = async (folder: string, code: string, message: RegExp) => {
    await expect(convert(folder, target, options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
    expect(fs.readdirSync(target)).toEqual([]);
  };
  const edited = (name: string, edit: (json: Json) => void) =>
    editJson(copyCheckpoint(reference('pg2-random')), name, edit);

  test('no folder', () => refused('/no/such/folder', 'ERR_MODEL_NOT_FOUND', /no such folder/));
  test('a folder without config.json', () => refused(scratch('empty'), 'ERR_MODEL_NOT_FOUND', /config\.json/));
  test('another model', () =>
    refused(
      edited('config.json', (c) => {
        c.model_type = 'llava';
      }),
      'ERR_UNSUPPORTED_MODEL',
      /"llava"/,
    ));
  test('another activation', () =>
    refused(
      edited('config.json', (c) => {
        c.vision_config.hidden_act = 'relu';
      }),
      'ERR_UNSUPPORTED_MODEL',
      /hidden_act is "relu"/,
    ));
  test('another attention pattern', () =>
    refused(
      edited('config.json', (c) => {
        c.text_config.layer_types.reverse();
      }),
      'ERR_UNSUPPORTED_MODEL',
      /layer_types/,
    ));
  test('another normalisation of pixels', () =>
    refused(
      edited('preprocessor_config.json', (c) => {
        c.image_mean = [0, 0, 0];
      }),
      'ERR_UNSUPPORTED_MODEL',
      /image_mean/,
    ));
  test('sizes that do not fit the tensors', () =>
    refused(
      edited('config.json', (c) => {
        c.text_config.intermediate_size = 161;
      }),
      'ERR_INVALID_MODEL',
      /gate_proj.* is \[160,64\], config\.json asks for \[161,64\]/,
    ));
  test.each(['text_config', 'vision_config'])('more layers in %s than any model has', (section) =>
    refused(
      edited('config.json', (config) => {
        config[section].num_hidden_layers = 2 ** 31 - 1;
      }),
      'ERR_INVALID_MODEL',
      new RegExp(`${section}\\.num_hidden_layers must be a whole number from 1 to 512`),
    ),
  );
  test('a size that is no number', () =>
    refused(
      edited('config.json', (c) => {
        c.text_config.hidden_size = -3;
      }),
      'ERR_INVALID_MODEL',
      /text_config\.hidden_size/,
    ));
  test('config.json that is no JSON', () => {
    const folder = copyCheckpoint(reference('pg1-random'));
    fs.writeFileSync(path.join(folder, 'config.json'), '{');
    return refused(folder, 'ERR_INVALID_MODEL', /config\.json cannot be read/);
  });
  test('a missing tokenizer', () => {
    const folder = copyCheckpoint(reference('pg1-random'));
    for (const name of ['tokenizer.json', 'tokenizer.model']) fs.rmSync(path.join(folder, name));
    return refused(folder, 'ERR_MODEL_NOT_FOUND', /tokenizer/);
  });
  test('a tokenizer that is something else', () => {
    const folder = copyCheckpoint(reference('pg1-random'));
    fs.writeFileSync(path.join(folder, 'tokenizer.model'), 'not a protobuf at all');
    return refused(folder, 'ERR_INVALID_MODEL', /tokenizer\.model/);
  });
  test('a missing shard', async () => {
    const folder = copyCheckpoint(reference('pg1-random-published-keys'));
    fs.rmSync(path.join(folder, 'model-00002-of-00003.safetensors'));
    await refused(folder, 'ERR_MODEL_NOT_FOUND', /model-00002-of-00003/);
  });
  test('a missing tensor', async () => {
    const folder = copyCheckpoint(reference('pg1-random'));
    const file = path.join(folder, 'model.safetensors');
    const tensors = await bytesOf(file);
    tensors.delete('multi_modal_projector.linear.bias');
    writeSafetensors(file, tensors);
    await refused(folder, 'ERR_INVALID_MODEL', /no tensor multi_modal_projector\.linear\.bias/);
  });
  test('a tensor too many', async () => {
    const folder = copyCheckpoint(reference('pg1-random'));
    renameTensors(folder, (name) => name);
    const file = path.join(folder, 'model.safetensors');
    const tensors = await bytesOf(file);
    tensors.set('language_model.model.layers.0.extra.weight', { dtype: 'F32', shape: [1], data: Buffer.alloc(4) });
    writeSafetensors(file, tensors);
    await refused(folder, 'ERR_UNSUPPORTED_MODEL', /extra/);
  });
  test.each([0, 7, 100, 50_000, 2_000_000])('safetensors cut off after %i bytes', async (length) => {
    const folder = copyCheckpoint(reference('pg1-random'));
    fs.truncateSync(path.join(folder, 'model.safetensors'), length);
    await refused(folder, 'ERR_INVALID_MODEL', /not a whole safetensors file/);
  });
  describe('a tampered safetensors header', () => {
    const NORM = 'language_model.model.norm.weight';
    const tampered = (
      edit: (header: Record<string, { shape: number[]; data_offsets: number[]; dtype: string }>) => void,
    ) => {
      const folder = copyCheckpoint(reference('pg1-random'));
      const file = path.join(folder, 'model.safetensors');
      const bytes = fs.readFileSync(file);
      const size = Number(bytes.readBigUInt64LE());
      const header = JSON.parse(bytes.subarray(8, 8 + size).toString());
      edit(header);
      const json = Buffer.from(JSON.stringify(header));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(json.length));
      fs.writeFileSync(file, Buffer.concat([length, json, bytes.subarray(8 + size)]));
      return folder;
    };
    const NAMED = /model\.safetensors.*language_model\.model\.norm\.weight/;

    test.each<[string, number[], number[]]>([
      ['an offset beyond the file', [96], [1e9, 1e9 + 384]],
      ['a negative offset', [96], [-384, 0]],
      ['an end before its start', [96], [384, 0]],
      ['a huge count', [2 ** 40, 2 ** 40], [0, 384]],
      ['a negative count', [-96], [0, 384]],
      ['a count that is no number', ['96' as never], [0, 384]],
      ['a fraction', [96.5], [0, 386]],
      ['more bytes than its shape', [96], [0, 388]],
    ])('with %s', (_, shape, range) =>
      refused(
        tampered((header) => {
          header[NORM] = { dtype: 'F32', shape, data_offsets: range };
        }),
        'ERR_INVALID_MODEL',
        NAMED,
      ),
    );
    test('with tensors that overlap', () =>
      refused(
        tampered((header) => {
          const entry = header[NORM] as { data_offsets: number[] };
          entry.data_offsets = entry.data_offsets.map((offset) => offset - 4);
        }),
        'ERR_INVALID_MODEL',
        /model\.safetensors.*overlap/,
      ));
    test('with billions of rows of nothing', () =>
      refused(
        tampered((header) => {
          header['language_model.model.embed_tokens.weight'] = {
            dtype: 'F32',
            shape: [2 ** 31, 0],
            data_offsets: [0, 0],
          };
        }),
        'ERR_INVALID_MODEL',
        /embed_tokens\.weight is \[2147483648,0\]/,
      ));
    test('with a type that holds no weights', () =>
      refused(
        tampered((header) => {
          (header[NORM] as { dtype: string }).dtype = 'I32';
        }),
        'ERR_UNSUPPORTED_MODEL',
        /model\.safetensors.*norm\.weight is stored as I32/,
      ));
    test('with a length beyond the file', () => {
      const folder = copyCheckpoint(reference('pg1-random'));
      const file = path.join(folder, 'model.safetensors');
      const bytes = fs.readFileSync(file);
      bytes.writeBigUInt64LE(1n << 60n);
      fs.writeFileSync(file, bytes);
      return refused(folder, 'ERR_INVALID_MODEL', /model\.safetensors/);
    });
  });

  test('values beyond float16', async () => {
    const folder = copyCheckpoint(reference('pg1-random'));
    const file = path.join(folder, 'model.safetensors');
    const tensors = await bytesOf(file);
    const weight = tensors.get('language_model.model.layers.0.mlp.up_proj.weight') as { data: Buffer };
    weight.data.writeFloatLE(1e6, 400);
    writeSafetensors(file, tensors);
    await expect(convert(folder, target, { quantization: 'f16' })).rejects.toMatchObject({
      code: 'ERR_CONVERSION_FAILED',
      message: expect.stringMatching(/blk\.0\.ffn_up.*float16's range.*bf16/),
    });
    expect(fs.readdirSync(target)).toEqual([]);
  });
  test('an output matrix of its own', async () => {
    const folder = copyCheckpoint(reference('pg1-random'));
    const file = path.join(folder, 'model.safetensors');
    const tensors = await bytesOf(file);
    const table = tensors.get('language_model.model.embed_tokens.weight') as {
      dtype: string;
      shape: number[];
      data: Buffer;
    };
    tensors.set('lm_head.weight', { ...table, data: Buffer.alloc(table.data.length) });
    writeSafetensors(file, tensors);
    await refused(folder, 'ERR_UNSUPPORTED_MODEL', /lm_head/);
  });
  test.each([
    ['tokenizer_config.json', { added_tokens_decoder: { 5: null } }],
    ['tokenizer.json', { added_tokens: 5 }],
    ['added_tokens.json', { '<x>': 'five' }],
  ])('broken added tokens in %s', (name, content) => {
    const folder = copyCheckpoint(reference('pg1-random'));
    fs.writeFileSync(path.join(folder, name), JSON.stringify(content));
    return refused(folder, 'ERR_INVALID_MODEL', /added token/);
  });
  test.each([
    ['a text that is no number', { added_tokens_decoder: { '': { content: '<x>' } } }],
    ['a number that is none', { added_tokens_decoder: { '1e3': { content: '<x>' } } }],
  ])('%s for the id of an added token', (_, content) => {
    const folder = copyCheckpoint(reference('pg1-random'));
    fs.writeFileSync(path.join(folder, 'tokenizer_config.json'), JSON.stringify(content));
    return refused(folder, 'ERR_INVALID_MODEL', /tokenizer_config\.json: an added token has no valid id/);
  });
  test('merges that are none', () => {
    const folder = edited('tokenizer.json', (json) => {
      json.model.merges[7] = [['a'], 'b'];
    });
    fs.rmSync(path.join(folder, 'tokenizer.model'));
    return refused(folder, 'ERR_INVALID_MODEL', /tokenizer\.json: an array of 2 is no merge/);
  });
  test.each(['config.json', 'added_tokens.json', 'preprocessor_config.json'])('%s nested without an end', (name) => {
    const folder = copyCheckpoint(reference('pg1-random'));
    fs.writeFileSync(path.join(folder, name), `{"x": ${'['.repeat(20_000)}${']'.repeat(20_000)}}`);
    return refused(folder, 'ERR_INVALID_MODEL', new RegExp(`${name} cannot be read: nested deeper than 100 levels`));
  });
  test.each(['model.safetensors', 'tokenizer.model', 'config.json'])('a folder in place of %s', (name) => {
    const folder = copyCheckpoint(reference('pg1-random'));
    fs.rmSync(path.join(folder, name));
    fs.mkdirSync(path.join(folder, name));
    return refused(folder, 'ERR_INVALID_MODEL', /cannot be read: EISDIR/);
  });
  test('a safetensors header without descriptions', () => {
    const folder = copyCheckpoint(reference('pg1-random'));
    const header = Buffer.from('{"x": null}');
    const size = Buffer.alloc(8);
    size.writeBigUInt64LE(BigInt(header.length));
    fs.writeFileSync(path.join(folder, 'model.safetensors'), Buffer.concat([size, header]));
    return refused(folder, 'ERR_INVALID_MODEL', /tensor x is not described/);
  });
  test.each([
    [
      'a token outside the vocabulary',
      (c: Json) => {
        c.eos_token_id = 1_000_000;
      },
      /outside the vocabulary/,
    ],
    [
      'heads that do not divide',
      (c: Json) => {
        c.vision_config.num_attention_heads = 5;
      },
      /5 heads/,
    ],
  ])('%s, which load would refuse', (_, edit, message) =>
    refused(edited('config.json', edit), 'ERR_INVALID_MODEL', message),
  );
  test('options that are none', async () => {
    for (const bad of [null, { name: 5 }, { maskDecoder: 5 }, { signal: 5 }, { onProgress: 5 }])
      await expect(convert(reference('pg1-random'), target, bad as never)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
  });
  test('a progress callback that throws, with what it threw', async () => {
    const thrown = new Error('mine');
    const onProgress = () => {
      throw thrown;
    };
    await expect(convert(reference('pg1-random'), target, { onProgress })).rejects.toBe(thrown);
    expect(fs.readdirSync(target)).toEqual([]);
  });
  test('an unknown type', async () => {
    await expect(convert(reference('pg1-random'), target, { quantization: 'q3' as never })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
  });
});

describe('the writer of models', () => {
  const folder = scratch('writer');
  const source = path.join(folder, 'values');
  fs.writeFileSync(source, new Uint8Array(256 * 256 * 4));
  const view = { path: source, offset: 0, type: 'f32', rows: [[256, 256]], columns: [[256, 1]] } as NativeView;
  const plan = (target: string): GgufPlan => ({
    path: path.join(folder, target),
    threads: 1,
    values: [{ key: 'general.architecture', type: 'string', value: 'none' }],
    tensors: Array.from({ length: 8 }, (_, i) => ({
      ...{ name: `t${i}`, shape: [256, 256], type: 'f32', values: view, lowRank: [], add: 0 },
    })),
  });

  test('rejects with what its callback throws, once, and tells it nothing more', async () => {
    const thrown = new Error('mine');
    let calls = 0;
    const job = native().writeGguf(plan('thrown'), () => {
      calls++;
      throw thrown;
    });
    await expect(job.promise).rejects.toBe(thrown);
    expect(calls).toBe(1);
  });
  test('rejects with what went wrong, and with what is no error', async () => {
    await expect(native().writeGguf(plan('no/such/folder'), () => {}).promise).rejects.toThrow(/no such file/i);
    const job = native().writeGguf(plan('text'), () => {
      throw 'a text';
    });
    await expect(job.promise).rejects.toBe('a text');
  });
  test('resolves when nothing goes wrong', async () => {
    expect(await native().writeGguf(plan('whole'), () => {}).promise).toBe(true);
  });
});

describe('an interrupted conversion', () => {
  const target = scratch('kept');

  test('leaves the model that was there', async () => {
    await convert(reference('pg1-random'), target, options);
    const before = both(target);
    const abort = new AbortController();
    const conversion = convert(emoji('checkpoint'), target, {
      quantization: 'f32',
      signal: abort.signal,
      onProgress: () => abort.abort(new Error('enough')),
    });
    await expect(conversion).rejects.toThrow('enough');
    expect(both(target).map((file, i) => file.equals(before[i] as Buffer))).toEqual([true, true]);
    expect(fs.readdirSync(target).sort()).toEqual(['mmproj.gguf', 'model.gguf']);
  });

  test('does not begin when aborted before', async () => {
    await expect(
      convert(emoji('checkpoint'), target, { signal: AbortSignal.abort(new Error('never')) }),
    ).rejects.toThrow('never');
  });
});

/** A file system of a given size; undefined where making one takes rights that we do not have. */
function smallDisk(megabytes: number): { folder: string; remove(): void } | undefined {
  const folder = scratch('disk');
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  return status === 0 ? { folder, remove: () => void spawnSync('umount', ['-l', folder]) } : undefined;
}

describe('a full disk', () => {
  const canMount = process.platform === 'linux' && process.getuid?.() === 0;
  (canMount ? test : test.skip)('is seen before anything is written', async () => {
    const disk = smallDisk(8);
    if (!disk) return;
    try {
      await expect(convert(emoji('checkpoint'), path.join(disk.folder, 'model'), options)).rejects.toMatchObject({
        code: 'ERR_DISK_FULL',
        message: expect.stringMatching(/ \d MB free, the model needs \d+ MB/),
      });
      expect(fs.readdirSync(disk.folder)).toEqual([]);
    } finally {
      disk.remove();
    }
  });

  (canMount ? test : test.skip)('that fills up meanwhile leaves nothing behind', async () => {
    const disk = smallDisk(48);
    if (!disk) return;
    const filler = path.join(disk.folder, 'filler');
    const fill = () => {
      try {
        fs.writeFileSync(filler, Buffer.alloc(48 << 20));
      } catch {
        // what fits is there
      }
    };
    try {
      const conversion = convert(emoji('checkpoint'), path.join(disk.folder, 'model'), {
        ...options,
        onProgress: fill,
      });
      await expect(conversion).rejects.toMatchObject({
        code: 'ERR_DISK_FULL',
        message: expect.stringMatching(/disk is full/),
      });
      expect(fs.readdirSync(disk.folder)).toEqual(['filler']);
    } finally {
      disk.remove();
    }
  });
});

test('a folder that cannot be made is an error that names it', async () => {
  const file = path.join(scratch('file'), 'in-the-way');
  fs.writeFileSync(file, '');
  await expect(convert(emoji('checkpoint'), path.join(file, 'model'))).rejects.toMatchObject({
    code: 'ERR_CONVERSION_FAILED',
    message: expect.stringMatching(/in-the-way/),
  });
});

test('progress grows to the whole', async () => {
  const seen: number[] = [];
  let whole = 0;
  await convert(emoji('checkpoint'), scratch('progress'), {
    onProgress: ({ done, total }) => {
      seen.push(done);
      whole = total;
    },
  });
  expect(seen.at(-1)).toBe(whole);
  expect([...seen].sort((a, b) => a - b)).toEqual(seen);
});

test('safetensors headers list every tensor', async () => {
  expect((await readSafetensors(reference('pg1-random', 'model.safetensors'))).size).toBeGreaterThan(80);
});

test('a converted folder opens', async () => {
  expect((await openModelFolder(await converted(emoji('checkpoint'), 'f16'))).imageToken).toBe(3200);
});
