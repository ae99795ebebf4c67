// Where big_vision keeps each tensor: layers of a kind stacked in one array, kernels input first. Names and axes are those of
// its models/vit.py and models/ppp/gemma.py.
import path from 'node:path';
import { PaliGemmaError } from '../base/errors.js';
import type { CheckpointTensor } from './checkpoint.js';
import type { Hyperparameters } from './config.js';
import type { TensorName } from './names.js';
import { product, type StoredTensor, VALUE_BYTES, type View } from './stored-tensor.js';

const invalid = (message: string) => new PaliGemmaError('ERR_INVALID_MODEL', message);

/** The arrays of a checkpoint by name, which also knows which were asked for. */
export class Arrays {
  readonly #arrays = new Map<string, StoredTensor>();
  readonly #used = new Set<string>();

  add(name: string, array: StoredTensor): void {
    if (this.#arrays.has(name))
      throw invalid(`array ${name} is there twice, the second time in ${path.basename(array.path)}`);
    this.#arrays.set(name, array);
  }

  has(name: string): boolean {
    return this.#arrays.has(name);
  }

  shape(name: string, dimensions: number): number[] {
    const array = this.#arrays.get(name);
    if (!array) throw invalid(`the checkpoint has no array ${name}; PaliGemma's layout has layers stacked`);
    if (array.shape.length !== dimensions || array.shape.includes(0))
      throw invalid(
        `${path.basename(array.path)}: array ${name} is [${array.shape}], expected ${dimensions} dimensions`,
      );
    return array.shape;
  }

  /** Part of an array (all of it by default) as a tensor of the model. */
  tensor(name: string, expected: number[], shape: number[], start: number, view?: View): StoredTensor {
    const found = this.shape(name, expected.length);
    const array = this.#arrays.get(name) as StoredTensor;
    if (found.join() !== expected.join())
      throw invalid(
        `${path.basename(array.path)}: array ${name} is [${found}], the other arrays ask for [${expected}]`,
      );
    this.#used.add(name);
    return {
      path: array.path,
      offset: array.offset + start * VALUE_BYTES[array.type],
      type: array.type,
      shape,
      ...(view ? { view } : {}),
    };
  }

  unused(): string | undefined {
    return [...this.#arrays.keys()].find((name) => !this.#used.has(name));
  }
}

export const BLOCK = 'img/Transformer/encoderblock';
export const ATTENTION = `${BLOCK}/MultiHeadDotProductAttention_0`;

/** Rows that follow one another along the last axis of an input-first kernel `[.., input, output]`. */
const transposed = (outputs: number, inputs: number): View => ({
  rows: [[outputs, 1]],
  columns: [[inputs, outputs]],
});

/** Where big_vision keeps a tensor of the model. */
export function locate(arrays: Arrays, name: TensorName, h: Hyperparameters): CheckpointTensor {
  const stored = name.checkpoint.startsWith('language_model.')
    ? locateText(arrays, name, h.text)
    : locateVision(arrays, name, h);
  return { ...name, stored };
}

const NORMS: Record<'gemma' | 'gemma2', Record<string, string>> = {
  gemma: { input_layernorm: 'pre_attention_norm', post_attention_layernorm: 'pre_ffw_norm' },
  gemma2: {
    input_layernorm: 'pre_attention_norm',
    post_attention_layernorm: 'post_attention_norm',
    pre_feedforward_layernorm: 'pre_ffw_norm',
    post_feedforward_layernorm: 'post_ffw_norm',
  },
};

function locateText(arrays: Arrays, { checkpoint, shape }: TensorName, t: Hyperparameters['text']): StoredTensor {
  if (checkpoint === 'language_model.embed_tokens.weight')
    return arrays.tensor('llm/embedder/input_embedding', shape, shape, 0);
  if (checkpoint === 'language_model.norm.weight') return arrays.tensor('llm/final_norm/scale', shape, shape, 0);
  const [, number, part] = /^language_model\.layers\.(\d+)\.(?:self_attn\.|mlp\.)?(\w+)\.weight$/.exec(
    checkpoint,
  ) as unknown as [string, string, string];
  const { width, heads, keyValueHeads, headSize, layers, mlpWidth } = t;
  // Of an array that holds all layers, this layer's part, or one of the two that follow one another in it.
  const inLayer = (array: string, dims: number[], view?: View, half?: 0 | 1) => {
    const size = dims.reduce((product, dim) => product * dim) / (half === undefined ? 1 : 2);
    const index = half === undefined ? Number(number) : 2 * Number(number) + half;
    return arrays.tensor(`llm/layers/${array}`, [layers, ...dims], shape, index * size, view);
  };
  // [heads, width, head size]: a row is one value of a head, over the width
  const perHead = (count: number): View => ({
    rows: [
      [count, width * headSize],
      [headSize, 1],
    ],
    columns: [[width, headSize]],
  });
  const kv = (half: 0 | 1) =>
    inLayer('attn/kv_einsum/w', [2, keyValueHeads, width, headSize], perHead(keyValueHeads), half);
  const gating = (half: 0 | 1) => inLayer('mlp/gating_einsum', [2, width, mlpWidth], transposed(mlpWidth, width), half);
  switch (part) {
    case 'q_proj':
      return inLayer('attn/q_einsum/w', [heads, width, headSize], perHead(heads));
    case 'k_proj':
      return kv(0);
    case 'v_proj':
      return kv(1);
    case 'o_proj':
      return inLayer('attn/attn_vec_einsum/w', [heads, headSize, width], transposed(width, heads * headSize));
    case 'gate_proj':
      return gating(0);
    case 'up_proj':
      return gating(1);
    case 'down_proj':
      return inLayer('mlp/linear', [mlpWidth, width], transposed(width, mlpWidth));
    default:
      return inLayer(`${NORMS[t.gemma2 ? 'gemma2' : 'gemma'][part]}/scale`, [width]);
  }
}

const OUTER: Record<string, string> = {
  'vision_tower.embeddings.patch_embedding.bias': 'img/embedding/bias',
  'vision_tower.post_layernorm.weight': 'img/Transformer/encoder_norm/scale',
  'vision_tower.post_layernorm.bias': 'img/Transformer/encoder_norm/bias',
  'multi_modal_projector.linear.bias': 'img/head/bias',
};
const HEADS: Record<string, string> = { q_proj: 'query', k_proj: 'key', v_proj: 'value' };

function locateVision(arrays: Arrays, { checkpoint, shape }: TensorName, h: Hyperparameters): StoredTensor {
  const { width, heads, layers, mlpWidth, patchSize } = h.vision;
  const outer = OUTER[checkpoint];
  if (outer !== undefined) return arrays.tensor(outer, shape, shape, 0);
  if (checkpoint === 'vision_tower.embeddings.patch_embedding.weight') {
    const view: View = {
      rows: [[width, 1]],
      columns: [
        [3, width],
        [patchSize, patchSize * 3 * width],
        [patchSize, 3 * width],
      ],
    };
    return arrays.tensor('img/embedding/kernel', [patchSize, patchSize, 3, width], shape, 0, view);
  }
  if (checkpoint === 'vision_tower.embeddings.position_embedding.weight')
    return arrays.tensor('img/pos_embedding', [1, ...shape], shape, 0);
  if (checkpoint === 'multi_modal_projector.linear.weight')
    return arrays.tensor('img/head/kernel', [width, h.text.width], shape, 0, transposed(h.text.width, width));

  const [, number, part, kind] = /\.layers\.(\d+)\.(?:self_attn\.|mlp\.)?(\w+)\.(weight|bias)$/.exec(
    checkpoint,
  ) as unknown as [string, string, string, 'weight' | 'bias'];
  const layer = Number(number);
  /** One layer of a stacked array, with a view when it is a kernel. */
  const stacked = (array: string, layerShape: number[], view?: View) =>
    arrays.tensor(array, [layers, ...layerShape], shape, layer * product(layerShape), view);

  const norm = /^layer_norm([12])$/.exec(part);
  if (norm) return stacked(`${BLOCK}/LayerNorm_${Number(norm[1]) - 1}/${kind === 'weight' ? 'scale' : 'bias'}`, shape);
  const dense = /^fc([12])$/.exec(part);
  if (dense) {
    const [inputs, outputs] = dense[1] === '1' ? [width, mlpWidth] : [mlpWidth, width];
    const array = `${BLOCK}/MlpBlock_0/Dense_${Number(dense[1]) - 1}`;
    return kind === 'bias'
      ? stacked(`${array}/bias`, [outputs])
      : stacked(`${array}/kernel`, [inputs, outputs], transposed(outputs, inputs));
  }
  const size = width / heads;
  if (part === 'out_proj')
    return kind === 'bias'
      ? stacked(`${ATTENTION}/out/bias`, [width])
      : stacked(`${ATTENTION}/out/kernel`, [heads, size, width], transposed(width, width));
  const array = `${ATTENTION}/${HEADS[part]}`;
  return kind === 'bias'
    ? stacked(`${array}/bias`, [heads, size])
    : stacked(`${array}/kernel`, [width, heads, size], transposed(width, width));
}
