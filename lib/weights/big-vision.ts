// Checkpoints as big_vision stores them: one .npz with all layers of a kind stacked in one array and kernels input first.
// Names and axes are those of big_vision's models/vit.py and models/ppp/gemma.py.
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { PaliGemmaError } from '../errors.js';
import type { Checkpoint, CheckpointTensor } from './checkpoint.js';
import { type Hyperparameters, SIGLIP_EPSILON, TEXT_CONSTANTS } from './config.js';
import { type TensorName, textTensors, visionTensors } from './names.js';
import { readNpz } from './npz.js';
import { product, type StoredTensor, VALUE_BYTES, type View } from './stored-tensor.js';
import { readTokenizer } from './tokenizer.js';

const PART = /\.npz-(\d+)-of-(\d+)$/;
const isNpz = (name: string): boolean => name.endsWith('.npz') || PART.test(name);
/** Whether an array belongs to the model; trainers store their own state beside it. */
const ARRAY = /^(?:params\/)?((?:img|llm)\/.+)$/;

/** Whether a path is an .npz file, a part of one, or a folder of them without a configuration. */
export function isBigVision(source: string): boolean {
  const found = statSync(source, { throwIfNoEntry: false });
  if (!found?.isDirectory()) return found !== undefined && isNpz(source);
  return !existsSync(path.join(source, 'config.json')) && readdirSync(source).some(isNpz);
}

/**
 * Opens a big_vision checkpoint. Sizes come from the arrays' shapes.
 * @param source an .npz file, one part of several (`x.npz-00000-of-00004`), or a folder
 * @param tokenizer folder or file; default: the folder of the weights
 */
export async function openBigVision(source: string, tokenizer?: string): Promise<Checkpoint> {
  const files = npzFiles(source);
  const arrays = new Arrays();
  for (const file of files)
    for (const [name, array] of await readNpz(file, (candidate) => ARRAY.test(candidate)))
      arrays.add((ARRAY.exec(name) as RegExpExecArray)[1] as string, array);

  const hyperparameters = readSizes(arrays);
  const [rows] = arrays.shape('llm/embedder/input_embedding', 2) as [number];
  const checkpoint = {
    name: path.basename(path.resolve(source)).replace(/\.npz(-\d+-of-\d+)?$/, ''),
    hyperparameters,
    tokens: await readTokenizer(tokenizer ?? path.dirname(files[0] as string), rows, true),
    text: textTensors(hyperparameters, rows).map((name) => locate(arrays, name, hyperparameters)),
    vision: visionTensors(hyperparameters).map((name) => locate(arrays, name, hyperparameters)),
  };
  const unused = arrays.unused();
  if (unused !== undefined)
    throw new PaliGemmaError(
      'ERR_UNSUPPORTED_MODEL',
      `the checkpoint has an array that PaliGemma does not have: ${unused}`,
    );
  return checkpoint;
}

function npzFiles(source: string): string[] {
  const part = PART.exec(source);
  if (part) {
    const [suffix, , parts] = part as unknown as [string, string, string];
    const stem = source.slice(0, -suffix.length);
    const files = Array.from(
      { length: Number(parts) },
      (_, i) => `${stem}.npz-${String(i).padStart(parts.length, '0')}-of-${parts}`,
    );
    const missing = files.find((file) => !existsSync(file));
    if (missing !== undefined)
      throw new PaliGemmaError('ERR_MODEL_NOT_FOUND', `a part of the checkpoint is missing: ${missing}`);
    return files;
  }
  if (!statSync(source).isDirectory()) return [source];
  const names = readdirSync(source).filter(isNpz).sort();
  const first = names.find((name) => PART.test(name));
  return first === undefined ? names.map((name) => path.join(source, name)) : npzFiles(path.join(source, first));
}

const invalid = (message: string) => new PaliGemmaError('ERR_INVALID_MODEL', message);

/** The arrays of a checkpoint by name, which also knows which were asked for. */
class Arrays {
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

const BLOCK = 'img/Transformer/encoderblock';
const ATTENTION = `${BLOCK}/MultiHeadDotProductAttention_0`;

function readSizes(arrays: Arrays): Hyperparameters {
  const [, textHeads, width, headSize] = arrays.shape('llm/layers/attn/q_einsum/w', 4) as [
    number,
    number,
    number,
    number,
  ];
  const [, , keyValueHeads] = arrays.shape('llm/layers/attn/kv_einsum/w', 5) as [number, number, number];
  const [layers, mlpWidth] = arrays.shape('llm/layers/mlp/linear', 3) as [number, number];
  const [patchSize] = arrays.shape('img/embedding/kernel', 4) as [number];
  const [, patches] = arrays.shape('img/pos_embedding', 3) as [number, number];
  const [visionLayers, visionWidth, visionMlp] = arrays.shape(`${BLOCK}/MlpBlock_0/Dense_0/kernel`, 3) as [
    number,
    number,
    number,
  ];
  const [, , visionHeads] = arrays.shape(`${ATTENTION}/query/kernel`, 4) as [number, number, number];
  const side = Math.sqrt(patches);
  if (!Number.isInteger(side)) throw invalid(`${patches} position embeddings are not those of a square picture`);

  const gemma2 = arrays.has('llm/layers/post_attention_norm/scale');
  // Gemma 2 27B alone scales its queries by its width a head (models/ppp/gemma.py, rsqrt_emb_per_head).
  const queryScalar = layers === 46 && width === 4608 ? width / textHeads : headSize;
  return {
    architecture: gemma2 ? 'gemma2' : 'gemma',
    imageToken: undefined,
    bosToken: 2,
    eosToken: 1,
    padToken: 0,
    text: {
      width,
      layers,
      heads: textHeads,
      keyValueHeads,
      headSize,
      mlpWidth,
      ...TEXT_CONSTANTS.common,
      ...(gemma2 ? { gemma2: { ...TEXT_CONSTANTS.gemma2, attentionScale: queryScalar ** -0.5 } } : {}),
    },
    vision: {
      width: visionWidth,
      layers: visionLayers,
      heads: visionHeads,
      mlpWidth: visionMlp,
      imageSize: side * patchSize,
      patchSize,
      normEpsilon: SIGLIP_EPSILON,
    },
  };
}

/** Rows that follow one another along the last axis of an input-first kernel `[.., input, output]`. */
const transposed = (outputs: number, inputs: number): View => ({
  rows: [[outputs, 1]],
  columns: [[inputs, outputs]],
});

/** Where big_vision keeps a tensor of the model. */
function locate(arrays: Arrays, name: TensorName, h: Hyperparameters): CheckpointTensor {
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
  const layer = Number(number);
  const { width, heads, keyValueHeads, headSize, layers, mlpWidth } = t;
  // [heads, width, head size]: a row is one value of a head, over the width
  const perHead = (count: number): View => ({
    rows: [
      [count, width * headSize],
      [headSize, 1],
    ],
    columns: [[width, headSize]],
  });
  const keyValue = keyValueHeads * width * headSize;
  const kv = (which: 0 | 1) =>
    arrays.tensor(
      'llm/layers/attn/kv_einsum/w',
      [layers, 2, keyValueHeads, width, headSize],
      shape,
      (2 * layer + which) * keyValue,
      perHead(keyValueHeads),
    );
  const gating = (which: 0 | 1) =>
    arrays.tensor(
      'llm/layers/mlp/gating_einsum',
      [layers, 2, width, mlpWidth],
      shape,
      (2 * layer + which) * width * mlpWidth,
      transposed(mlpWidth, width),
    );
  const query = heads * headSize * width;
  switch (part) {
    case 'q_proj':
      return arrays.tensor(
        'llm/layers/attn/q_einsum/w',
        [layers, heads, width, headSize],
        shape,
        layer * query,
        perHead(heads),
      );
    case 'k_proj':
      return kv(0);
    case 'v_proj':
      return kv(1);
    case 'o_proj':
      return arrays.tensor(
        'llm/layers/attn/attn_vec_einsum/w',
        [layers, heads, headSize, width],
        shape,
        layer * query,
        transposed(width, heads * headSize),
      );
    case 'gate_proj':
      return gating(0);
    case 'up_proj':
      return gating(1);
    case 'down_proj':
      return arrays.tensor(
        'llm/layers/mlp/linear',
        [layers, mlpWidth, width],
        shape,
        layer * mlpWidth * width,
        transposed(width, mlpWidth),
      );
    default: {
      const norm = NORMS[t.gemma2 ? 'gemma2' : 'gemma'][part];
      return arrays.tensor(`llm/layers/${norm}/scale`, [layers, width], shape, layer * width);
    }
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
