import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { convert, modelInfo, PaliGemma, type Quantization, type VisionQuantization } from '../lib/index.js';
import { defaultVision, FILE_TYPE, QUANTIZATIONS, VISION_QUANTIZATIONS } from '../lib/weights/quantization.js';
import { bytesOf, copyCheckpoint, editJson, writeSafetensors } from './helpers/checkpoints.js';
import { dequantize } from './helpers/dequantize.js';
import { emoji, largestDifference, program, reference, scratch } from './helpers/fixtures.js';
import { Gguf, typeName } from './helpers/gguf.js';

const QUANTIZER = program('reference-quantize');
const EMOJI = emoji('checkpoint');

async function converted(source: string, quantization: Quantization, visionQuantization?: VisionQuantization) {
  const target = scratch(quantization);
  await convert(source, target, { quantization, name: 'same', ...(visionQuantization ? { visionQuantization } : {}) });
  return target;
}

/** Tensors of a file as numbers, with their types: those of the first layer and of no layer, so that it does not take long. */
async function tensorsOf(file: string) {
  const some = Gguf.read(file).tensors.filter(({ name }) => !/blk\.[1-9]/.test(name));
  return new Map(
    some.map(({ name, type, shape, data }) => {
      const named = typeName(type);
      return [name, { type: named, shape, values: dequantize(named, data) }];
    }),
  );
}
type Tensors = Awaited<ReturnType<typeof tensorsOf>>;

describe.each([
  ['the emoji model', EMOJI],
  ['PaliGemma 1 of odd widths', reference('pg1-random')],
  ['PaliGemma 2 of odd widths', reference('pg2-random')],
])('the text model of %s', (_, source) => {
  let exact: string;
  beforeAll(async () => {
    exact = path.join(await converted(source, 'f32'), 'model.gguf');
  });

  test.each(QUANTIZATIONS.filter((type) => type !== 'f32'))(
    "in %s is byte for byte what llama.cpp's own quantiser makes of the float32 file",
    async (quantization) => {
      const expected = path.join(scratch('reference'), 'model.gguf');
      execFileSync(QUANTIZER, [exact, expected, String(FILE_TYPE[quantization])], { stdio: 'ignore' });
      const ours = path.join(await converted(source, quantization), 'model.gguf');
      expect(fs.readFileSync(ours).equals(fs.readFileSync(expected))).toBe(true);
    },
  );
});

/**
 * What rounding costs at most, as a share of the largest value of a block (16 values of q6_K, 32 of the others): half a step,
 * a whole one at the end that q4_0's sixteen levels leave out. K-quants choose scales for the least squared error and round
 * these too: a step and a quarter of one.
 */
const WORST: Record<string, number> = {
  f32: 0,
  f16: 2 ** -11,
  bf16: 2 ** -8,
  q8_0: 0.5 / 127 + 2 ** -11,
  q6_K: 1.25 / 31,
  q5_K: 2.5 / 31,
  q4_K: 2.5 / 15,
  q4_0: 1 / 8 + 2 ** -11,
};
/** Of all values of a tensor together: root mean square of the error over that of the values. */
const TYPICAL: Record<string, number> = {
  f32: 0,
  f16: 0.0003,
  bf16: 0.003,
  q8_0: 0.008,
  q6_K: 0.025,
  q5_K: 0.045,
  q4_K: 0.09,
  q4_0: 0.11,
};

function checkErrors(found: Tensors, exact: Tensors): Set<string> {
  const types = new Set<string>();
  for (const [name, { type, values }] of found) {
    types.add(type);
    const source = exact.get(name)?.values as Float64Array;
    const block = type === 'q6_K' ? 16 : 32;
    let [error, size, worst] = [0, 0, 0];
    for (let start = 0; start < values.length; start += block) {
      const end = Math.min(start + block, values.length);
      let [largest, furthest] = [0, 0];
      for (let i = start; i < end; i++) {
        const difference = Math.abs((values[i] as number) - (source[i] as number));
        largest = Math.max(largest, Math.abs(source[i] as number));
        furthest = Math.max(furthest, difference);
        error += difference ** 2;
        size += (source[i] as number) ** 2;
      }
      if (furthest > 0) worst = Math.max(worst, furthest / largest);
    }
    const share = size === 0 ? 0 : Math.sqrt(error / size);
    expect([name, type, worst <= (WORST[type] as number), share <= (TYPICAL[type] as number)]).toEqual([
      name,
      type,
      true,
      true,
    ]);
  }
  return types;
}

describe('every tensor keeps within the error of its type', () => {
  let exact: { text: Tensors; vision: Tensors };
  const both = async (folder: string) => ({
    text: await tensorsOf(path.join(folder, 'model.gguf')),
    vision: await tensorsOf(path.join(folder, 'mmproj.gguf')),
  });
  beforeAll(async () => {
    exact = await both(await converted(EMOJI, 'f32'));
  });

  test.each([
    ['f16', ['f16', 'f32']],
    ['bf16', ['bf16', 'f32']],
    ['q8_0', ['f32', 'q8_0']],
    ['q6_k', ['f32', 'q6_K']],
    ['q5_k_m', ['f32', 'q5_K', 'q6_K']],
    ['q4_k_m', ['f32', 'q4_K', 'q6_K']],
    ['q4_0', ['f32', 'q4_0', 'q6_K']],
  ] as const)('in %s', async (quantization, expected) => {
    const { text, vision } = await both(await converted(EMOJI, quantization));
    expect([...checkErrors(text, exact.text)].sort()).toEqual(expected);
    expect([...checkErrors(vision, exact.vision)].sort()).toContain(defaultVision(quantization));
  });
});

describe('the vision tower', () => {
  test('goes with the text model by default, and keeps eight bits below it', () => {
    expect(Object.fromEntries(QUANTIZATIONS.map((type) => [type, defaultVision(type)]))).toEqual({
      f32: 'f32',
      f16: 'f16',
      bf16: 'bf16',
      q8_0: 'q8_0',
      q6_k: 'q8_0',
      q5_k_m: 'q8_0',
      q4_k_m: 'q8_0',
      q4_0: 'q8_0',
    });
  });

  test.each(VISION_QUANTIZATIONS)('can be %s beside any text model', async (vision) => {
    const folder = await converted(EMOJI, 'q5_k_m', vision);
    expect(await modelInfo(folder)).toMatchObject({ quantization: 'q5_k_m', visionQuantization: vision });
  });

  /** The reference's MLP is 176 wide; 168 does not divide into blocks of 32, as SigLIP's 4304 does not. */
  const odd = async () => {
    const folder = copyCheckpoint(reference('pg1-random'));
    const file = path.join(folder, 'model.safetensors');
    const tensors = await bytesOf(file);
    for (const [name, tensor] of tensors) {
      if (!/vision.*mlp\.fc[12]/.test(name)) continue;
      const columns = tensor.shape.length === 1 ? 1 : (tensor.shape[1] as number);
      if (/fc1/.test(name)) {
        tensor.data = Buffer.from(tensor.data.subarray(0, 168 * columns * 4));
        tensor.shape[0] = 168;
      } else if (tensor.shape.length === 2) {
        const rows = tensor.shape[0] as number;
        tensor.data = Buffer.concat(
          Array.from({ length: rows }, (_, i) => tensor.data.subarray(i * 176 * 4, (i * 176 + 168) * 4)),
        );
        tensor.shape[1] = 168;
      }
    }
    writeSafetensors(file, tensors);
    return editJson(folder, 'config.json', (config) => {
      config.vision_config.intermediate_size = 168;
    });
  };

  test('is padded with zeros where its MLP does not divide into blocks, and stays itself', async () => {
    const source = await odd();
    const plain = await tensorsOf(path.join(await converted(source, 'f32'), 'mmproj.gguf'));
    const padded = await tensorsOf(path.join(await converted(source, 'q8_0'), 'mmproj.gguf'));
    const shape = (tensors: Tensors, name: string) => tensors.get(`v.blk.0.${name}`)?.shape;
    expect([shape(plain, 'ffn_down.weight'), shape(padded, 'ffn_down.weight')]).toEqual([
      [168, 64],
      [192, 64],
    ]);
    expect([shape(padded, 'ffn_up.weight'), shape(padded, 'ffn_up.bias')]).toEqual([[64, 192], [192]]);
    expect(padded.get('v.blk.0.ffn_down.weight')?.type).toBe('q8_0');
    for (const part of ['ffn_up.weight', 'ffn_down.weight', 'ffn_up.bias']) {
      const { values } = padded.get(`v.blk.0.${part}`) as { values: Float64Array };
      const isPadding = (i: number) => (part === 'ffn_down.weight' ? i % 192 >= 168 : i >= (values.length / 192) * 168);
      expect([...values].filter((value, i) => isPadding(i) && value !== 0)).toEqual([]);
    }
  });

  test('gives the same features with and without padding', async () => {
    const source = await odd();
    const features = async (vision: VisionQuantization) => {
      await using model = await PaliGemma.load(await converted(source, 'f32', vision));
      return await model.encode(reference('images', 'noise.png'));
    };
    const [exact, padded] = [await features('f32'), await features('q8_0')];
    const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // Eight bits alone move the features of the model without odd sizes by as much.
    expect(largestDifference(exact, padded) / largest).toBeLessThan(0.03);
  });
});

test('values that are no numbers are refused by name', async () => {
  const folder = copyCheckpoint(EMOJI);
  const file = path.join(folder, 'model.safetensors');
  const tensors = await bytesOf(file);
  const [, gate] = [...tensors].find(([name]) => name.endsWith('layers.1.mlp.gate_proj.weight')) as [
    string,
    { data: Buffer },
  ];
  gate.data.writeUInt16LE(0x7fc0, 1000); // bfloat16 NaN
  writeSafetensors(file, tensors);
  const target = scratch('nan');
  await expect(convert(folder, target, { quantization: 'q4_k_m' })).rejects.toMatchObject({
    code: 'ERR_CONVERSION_FAILED',
    message: expect.stringMatching(/blk\.1\.ffn_gate\.weight has values that are no finite numbers/),
  });
  expect(fs.readdirSync(target)).toEqual([]);
});
