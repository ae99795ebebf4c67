// Other ways that the same weights are stored: big_vision's .npz and LoRA adapters.
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { viewOf } from '../lib/checkpoint/stored-tensor.js';
import { convert, PaliGemma } from '../lib/index.js';
import { bytesOf, copyCheckpoint, editJson, type Json, writeSafetensors } from './helpers/checkpoints.js';
import { largestDifference, readFloats, readJson, reference, scratch } from './helpers/fixtures.js';
import { type Array_, readNpzBytes, writeNpz } from './helpers/npz.js';

const NPZ = reference('variants', 'pg1-random.npz');
const LORA = reference('variants', 'pg1-lora');
const CHECKPOINT = reference('pg1-random');

const both = (folder: string) => ['model.gguf', 'mmproj.gguf'].map((name) => fs.readFileSync(path.join(folder, name)));

async function filesOf(source: string, options = {}): Promise<Buffer[]> {
  const target = scratch('files');
  await convert(source, target, { quantization: 'f32', name: 'same', ...options });
  return both(target);
}

const same = (a: Buffer[], b: Buffer[]) => a.map((file, i) => file.equals(b[i] as Buffer));

/** big_vision's bfloat16 files hold the upper halves of float32 values as dtype `<V2`. */
function narrowed(arrays: Map<string, Array_>): Map<string, Array_> {
  const narrow = ({ shape, data }: Array_): Array_ => {
    const halves = Buffer.alloc(data.length / 2);
    for (let i = 0; i < halves.length; i += 2) data.copy(halves, i, 2 * i + 2, 2 * i + 4);
    return { dtype: '<V2', shape, data: halves };
  };
  return new Map([...arrays].map(([name, array]) => [name, narrow(array)]));
}

describe("big_vision's .npz", () => {
  test.each(['f32', 'f16', 'q8_0', 'q4_k_m'] as const)(
    'gives the files of its checkpoint in %s',
    async (quantization) => {
      const expected = await filesOf(CHECKPOINT, { quantization });
      expect(same(await filesOf(NPZ, { quantization, tokenizer: CHECKPOINT }), expected)).toEqual([true, true]);
    },
  );

  test('is found in a folder, with its tokenizer beside it', async () => {
    const folder = scratch('npz');
    fs.copyFileSync(NPZ, path.join(folder, 'pg1.npz'));
    for (const name of fs.readdirSync(CHECKPOINT))
      if (/token/.test(name)) fs.copyFileSync(path.join(CHECKPOINT, name), path.join(folder, name));
    expect(same(await filesOf(folder), await filesOf(CHECKPOINT))).toEqual([true, true]);
  });

  test('takes a SentencePiece file alone, and puts <image> behind its pieces', async () => {
    const target = scratch('pieces');
    await convert(NPZ, target, { quantization: 'f32', tokenizer: path.join(CHECKPOINT, 'tokenizer.model') });
    await using model = await PaliGemma.load(target);
    const [first] = readJson(path.join(CHECKPOINT, 'expected', 'cases.json')).cases;
    const images = first.images.map((name: string) => reference('images', name));
    expect([...(await model.trace({ prompt: first.prompt, images })).inputIds]).toEqual(first.input_ids);
  });

  test('may come in parts, of which any one stands for all', async () => {
    const folder = scratch('parts');
    const arrays = [...readNpzBytes(NPZ)];
    for (let i = 0; i < 3; i++)
      writeNpz(path.join(folder, `pg1.npz-0000${i}-of-00003`), new Map(arrays.filter((_, k) => k % 3 === i)));
    const expected = await filesOf(CHECKPOINT);
    for (const source of [folder, path.join(folder, 'pg1.npz-00001-of-00003')])
      expect(same(await filesOf(source, { tokenizer: CHECKPOINT }), expected)).toEqual([true, true]);
    fs.rmSync(path.join(folder, 'pg1.npz-00002-of-00003'));
    await expect(filesOf(folder, { tokenizer: CHECKPOINT })).rejects.toMatchObject({
      code: 'ERR_MODEL_NOT_FOUND',
      message: expect.stringMatching(/pg1\.npz-00002-of-00003/),
    });
  });

  test('in bfloat16 gives the files of the same values in float32', async () => {
    const folder = scratch('bf16');
    const narrow = narrowed(readNpzBytes(NPZ));
    const widen = ({ shape, data }: Array_): Array_ => {
      const wide = Buffer.alloc(data.length * 2);
      for (let i = 0; i < data.length; i += 2) data.copy(wide, 2 * i + 2, i, i + 2);
      return { dtype: '<f4', shape, data: wide };
    };
    writeNpz(path.join(folder, 'a.npz'), narrow);
    writeNpz(path.join(folder, 'b.npz'), new Map([...narrow].map(([name, array]) => [name, widen(array)])));
    const [a, b] = await Promise.all(
      ['a.npz', 'b.npz'].map((name) => filesOf(path.join(folder, name), { tokenizer: CHECKPOINT })),
    );
    expect(same(a as Buffer[], b as Buffer[])).toEqual([true, true]);
  });

  describe('is refused', () => {
    const refused = async (edit: (arrays: Map<string, Array_>) => void, code: string, message: RegExp) => {
      const file = path.join(scratch('bad'), 'bad.npz');
      const arrays = readNpzBytes(NPZ);
      edit(arrays);
      writeNpz(file, arrays);
      const target = scratch('refused');
      await expect(convert(file, target, { tokenizer: CHECKPOINT })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
      expect(fs.readdirSync(target)).toEqual([]);
    };
    const LINEAR = 'params/llm/layers/mlp/linear';

    test('with an array missing', () =>
      refused((arrays) => arrays.delete(LINEAR), 'ERR_INVALID_MODEL', /no array llm\/layers\/mlp\/linear/));
    test('with pickled objects, which are not read', () =>
      refused(
        (arrays) => arrays.set(LINEAR, { dtype: '|O', shape: [1], data: Buffer.from('\x80\x04N.') }),
        'ERR_INVALID_MODEL',
        /mlp\/linear\.?\w* holds pickled Python objects/,
      ));
    test('with an array of integers', () =>
      refused(
        (arrays) => arrays.set(LINEAR, { ...(arrays.get(LINEAR) as Array_), dtype: '<i4' }),
        'ERR_INVALID_MODEL',
        /mlp\/linear.* is not a row-major array of float32/,
      ));
    test('with shapes that contradict each other', () =>
      refused(
        (arrays) => {
          const array = arrays.get(LINEAR) as Array_;
          const [layers, mlp, width] = array.shape as [number, number, number];
          arrays.set(LINEAR, { ...array, shape: [layers, mlp / 2, width * 2] });
        },
        'ERR_INVALID_MODEL',
        /is \[3,2,96,192\], the other arrays ask for \[3,2,96,96\]/,
      ));
    test('with an array of no PaliGemma', () =>
      refused(
        (arrays) => arrays.set('params/llm/extra', { dtype: '<f4', shape: [1], data: Buffer.alloc(4) }),
        'ERR_UNSUPPORTED_MODEL',
        /llm\/extra/,
      ));
    test('cut off', async () => {
      const file = path.join(scratch('cut'), 'cut.npz');
      fs.writeFileSync(file, fs.readFileSync(NPZ).subarray(0, 2_000_000));
      await expect(filesOf(file, { tokenizer: CHECKPOINT })).rejects.toMatchObject({ code: 'ERR_INVALID_MODEL' });
    });
    test('without a tokenizer', async () => {
      const file = path.join(scratch('alone'), 'alone.npz');
      fs.copyFileSync(NPZ, file);
      await expect(filesOf(file)).rejects.toMatchObject({
        code: 'ERR_MODEL_NOT_FOUND',
        message: expect.stringMatching(/option "tokenizer"/),
      });
    });
  });
});

interface Adapter {
  config?: (json: Json) => void;
  tensors?: (tensors: Awaited<ReturnType<typeof bytesOf>>) => void;
}

async function adapter({ config = () => {}, tensors = () => {} }: Adapter): Promise<string> {
  const folder = copyCheckpoint(LORA);
  editJson(folder, 'adapter_config.json', config);
  const file = path.join(folder, 'adapter_model.safetensors');
  const stored = await bytesOf(file);
  tensors(stored);
  writeSafetensors(file, stored);
  return folder;
}

describe('a LoRA adapter', () => {
  test('merged while converting gives the merged model', async () => {
    const target = scratch('merged');
    await convert(CHECKPOINT, target, { quantization: 'f32', adapter: LORA });
    await using model = await PaliGemma.load(target);
    const expected = readJson(path.join(LORA, 'expected.json'));
    const request = { prompt: expected.prompt, images: [reference('images', expected.image)] };
    const { logits } = await model.trace(request);
    expect(largestDifference(logits, readFloats(path.join(LORA, expected.prefix_logits)))).toBeLessThan(0.001);
    expect((await model.generate({ ...request, maxTokens: 24 })).tokens).toEqual(expected.generated_ids);
  });

  test('merges into an .npz as into the checkpoint', async () => {
    const options = { adapter: LORA };
    expect(same(await filesOf(NPZ, { ...options, tokenizer: CHECKPOINT }), await filesOf(CHECKPOINT, options))).toEqual(
      [true, true],
    );
  });

  test('of rank r and alpha a is the same as rsLoRA with a / sqrt(r)', async () => {
    const stabilised = await adapter({
      config: (json) => {
        json.use_rslora = true;
        json.lora_alpha = 4; // 4 / sqrt(4) = 8 / 4
      },
    });
    expect(
      same(await filesOf(CHECKPOINT, { adapter: stabilised }), await filesOf(CHECKPOINT, { adapter: LORA })),
    ).toEqual([true, true]);
  });

  test('may have a rank and an alpha of its own for a module', async () => {
    const module = 'language_model.layers.0.self_attn.q_proj';
    const patterned = await adapter({
      config: (json) => {
        json.alpha_pattern = { [module]: 16 };
      },
    });
    const doubled = await adapter({
      tensors: (tensors) => {
        for (const [name, { data }] of tensors)
          if (name.includes(`${module}.lora_B`))
            for (let i = 0; i < data.length; i += 4) data.writeFloatLE(data.readFloatLE(i) * 2, i);
      },
    });
    const files = await filesOf(CHECKPOINT, { adapter: patterned });
    expect(same(files, await filesOf(CHECKPOINT, { adapter: doubled }))).toEqual([true, true]);
    expect(same(files, await filesOf(CHECKPOINT, { adapter: LORA }))).toEqual([false, true]);
  });

  test('may change the vision tower, the projector and the embedding table, and bring tensors whole', async () => {
    const random = (count: number, seed: number) =>
      Float32Array.from({ length: count }, (_, i) => Math.sin(seed + i * 1.7) / 10);
    const factor = (rows: number, columns: number, seed: number) => ({
      dtype: 'F32',
      shape: [rows, columns],
      data: Buffer.from(random(rows * columns, seed).buffer),
    });
    const [rank, scale] = [4, 2];
    const base = 'base_model.model.model';
    const bias = factor(1, 96, 9);
    const folder = await adapter({
      tensors: (tensors) => {
        tensors.clear();
        tensors.set(`${base}.vision_tower.encoder.layers.1.mlp.fc1.lora_A.weight`, factor(rank, 64, 1));
        tensors.set(`${base}.vision_tower.encoder.layers.1.mlp.fc1.lora_B.weight`, factor(176, rank, 2));
        tensors.set(`${base}.multi_modal_projector.linear.lora_A.weight`, factor(rank, 64, 3));
        tensors.set(`${base}.multi_modal_projector.linear.lora_B.weight`, factor(96, rank, 4));
        tensors.set(`${base}.language_model.embed_tokens.lora_embedding_A`, factor(rank, 3776, 5));
        tensors.set(`${base}.language_model.embed_tokens.lora_embedding_B`, factor(96, rank, 6));
        tensors.set(`${base}.multi_modal_projector.linear.bias`, { ...bias, shape: [96] });
      },
    });

    // The same by hand: every changed tensor of the checkpoint, added up in double precision.
    const merged = copyCheckpoint(CHECKPOINT);
    const file = path.join(merged, 'model.safetensors');
    const tensors = await bytesOf(file);
    const add = (name: string, delta: (row: number, column: number) => number) => {
      const [key, { shape, data }] = [...tensors].find(([found]) => found.endsWith(name)) as [
        string,
        Json & { shape: number[]; data: Buffer },
      ];
      expect(key).toBeDefined();
      const columns = shape[1] as number;
      for (let i = 0; i < data.length / 4; i++)
        data.writeFloatLE(data.readFloatLE(i * 4) + scale * delta(Math.floor(i / columns), i % columns), i * 4);
    };
    const product = (B: Float32Array, A: Float32Array, columns: number) => (row: number, column: number) => {
      let sum = 0;
      for (let k = 0; k < rank; k++) sum += (B[row * rank + k] as number) * (A[k * columns + column] as number);
      return sum;
    };
    add('vision_tower.encoder.layers.1.mlp.fc1.weight', product(random(176 * rank, 2), random(rank * 64, 1), 64));
    add('multi_modal_projector.linear.weight', product(random(96 * rank, 4), random(rank * 64, 3), 64));
    const turned = product(random(96 * rank, 6), random(rank * 3776, 5), 3776);
    add('embed_tokens.weight', (row, column) => turned(column, row));
    const key = [...tensors.keys()].find((name) => name.endsWith('multi_modal_projector.linear.bias')) as string;
    tensors.set(key, { ...bias, shape: [96] });
    writeSafetensors(file, tensors);

    const [ours, byHand] = [await filesOf(CHECKPOINT, { adapter: folder }), await filesOf(merged)];
    for (const [i, a] of ours.entries()) {
      const b = byHand[i] as Buffer;
      expect(a.length).toBe(b.length);
      const floats = (buffer: Buffer) =>
        new Float32Array(
          buffer.buffer.slice(buffer.byteOffset + (buffer.length % 4), buffer.byteOffset + buffer.length),
        );
      const [x, y] = [floats(a), floats(b)];
      let worst = 0;
      for (const [k, value] of x.entries())
        if (Math.abs(value) < 1e3) worst = Math.max(worst, Math.abs(value - (y[k] as number)));
      expect(worst).toBeLessThan(1e-6);
    }
  });

  describe('is refused', () => {
    const refused = async (change: Adapter, code: string, message: RegExp) => {
      const target = scratch('refused');
      await expect(convert(CHECKPOINT, target, { adapter: await adapter(change) })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
      expect(fs.readdirSync(target)).toEqual([]);
    };
    test('when it was trained on another model', async () => {
      const target = scratch('other');
      await expect(convert(reference('pg2-random'), target, { adapter: LORA })).rejects.toMatchObject({
        code: 'ERR_INVALID_MODEL',
        message: expect.stringMatching(/belongs to another model/),
      });
    });
    test('when it changes what the model does not have', () =>
      refused(
        {
          tensors: (tensors) => {
            const [name, tensor] = [...tensors][0] as [string, never];
            tensors.set(name.replace(/layers\.\d+/, 'layers.77'), tensor);
          },
        },
        'ERR_INVALID_MODEL',
        /layers\.77.*belongs to another model/,
      ));
    test('when a factor is missing', () =>
      refused(
        { tensors: (tensors) => tensors.delete([...tensors.keys()][0] as string) },
        'ERR_INVALID_MODEL',
        /only one of the two factors/,
      ));
    test('when ranks contradict each other', () =>
      refused({ config: (json) => { json.r = 8; } }, 'ERR_INVALID_MODEL', /says rank 8.*have rank 4/)); // biome-ignore format: one change
    test('when it is a DoRA', () =>
      refused({ config: (json) => { json.use_dora = true; } }, 'ERR_UNSUPPORTED_MODEL', /use_dora/)); // biome-ignore format: one change
    test('when it is no LoRA', () =>
      refused({ config: (json) => { json.peft_type = 'IA3'; } }, 'ERR_UNSUPPORTED_MODEL', /"IA3"/)); // biome-ignore format: one change
    test('when its folder holds none', async () => {
      await expect(convert(CHECKPOINT, scratch('none'), { adapter: scratch('empty') })).rejects.toMatchObject({
        code: 'ERR_MODEL_NOT_FOUND',
      });
    });
    test('as a source of its own', async () => {
      await expect(convert(LORA, scratch('own'))).rejects.toMatchObject({
        code: 'ERR_UNSUPPORTED_MODEL',
        message: expect.stringMatching(/is an adapter/),
      });
    });
  });
});

test('a tensor of four dimensions is read as a matrix', () => {
  expect(viewOf({ path: '', offset: 0, type: 'f32', shape: [8, 3, 2, 2] })).toEqual({
    rows: [[8, 12]],
    columns: [[12, 1]],
  });
});
