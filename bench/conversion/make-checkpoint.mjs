#!/usr/bin/env node
// Writes a checkpoint of a published size with random weights, in the layout of the published files: such a model has the
// size and the speed of a real one.
//
//   node bench/conversion/make-checkpoint.mjs 3b OUT [--dtype bf16|f32] [--image-size 224] [--shard-gb 5]
//
// Sizes: 3b (PaliGemma 1), pg2-3b, pg2-10b, pg2-28b. The tokenizer is that of the fixtures; the vocabulary is filled up.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const TOKENIZER = path.join(ROOT, 'test', 'fixtures', 'reference', 'pg1-random');
const VOCABULARY = 257216;
const VISION = { hidden_size: 1152, intermediate_size: 4304, num_hidden_layers: 27, num_attention_heads: 16 };

// [layers, width, MLP width, heads, key/value heads, head size, query_pre_attn_scalar]
const SIZES = {
  '3b': [18, 2048, 16384, 8, 1, 256],
  'pg2-3b': [26, 2304, 9216, 8, 4, 256, 256],
  'pg2-10b': [42, 3584, 14336, 16, 8, 256, 256],
  'pg2-28b': [46, 4608, 36864, 32, 16, 128, 144],
};

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dtype: { type: 'string', default: 'bf16' },
    'image-size': { type: 'string', default: '224' },
    'shard-gb': { type: 'string', default: '5' },
  },
});
const [size, target] = positionals;
if (!SIZES[size] || !target || !['bf16', 'f32'].includes(options.dtype)) {
  console.error(
    `usage: make-checkpoint.mjs ${Object.keys(SIZES).join('|')} OUT [--dtype bf16|f32] [--image-size N] [--shard-gb N]`,
  );
  process.exit(2);
}
const [layers, width, mlp, heads, kvHeads, headSize, queryScalar] = SIZES[size];
const gemma2 = queryScalar !== undefined;
const imageSize = Number(options['image-size']);
const bytesPerValue = options.dtype === 'f32' ? 4 : 2;

/** [name, shape, mean, standard deviation] of every tensor. */
function* tensors() {
  const text = 'language_model.model';
  const matrix = (name, out, into) => [`${name}.weight`, [out, into], 0, into ** -0.5];
  yield [`${text}.embed_tokens.weight`, [VOCABULARY, width], 0, width ** -0.5];
  for (let i = 0; i < layers; i++) {
    const layer = `${text}.layers.${i}`;
    const norms = gemma2
      ? ['input_layernorm', 'post_attention_layernorm', 'pre_feedforward_layernorm', 'post_feedforward_layernorm']
      : ['input_layernorm', 'post_attention_layernorm'];
    for (const norm of norms) yield [`${layer}.${norm}.weight`, [width], 0, 0.1];
    yield matrix(`${layer}.self_attn.q_proj`, heads * headSize, width);
    yield matrix(`${layer}.self_attn.k_proj`, kvHeads * headSize, width);
    yield matrix(`${layer}.self_attn.v_proj`, kvHeads * headSize, width);
    yield matrix(`${layer}.self_attn.o_proj`, width, heads * headSize);
    yield matrix(`${layer}.mlp.gate_proj`, mlp, width);
    yield matrix(`${layer}.mlp.up_proj`, mlp, width);
    yield matrix(`${layer}.mlp.down_proj`, width, mlp);
  }
  yield [`${text}.norm.weight`, [width], 0, 0.1];

  const vision = 'vision_tower.vision_model';
  const { hidden_size: v, intermediate_size: vMlp } = VISION;
  const linear = function* (name, out, into) {
    yield [`${name}.weight`, [out, into], 0, into ** -0.5];
    yield [`${name}.bias`, [out], 0, 0.02];
  };
  const layerNorm = function* (name) {
    yield [`${name}.weight`, [v], 1, 0.1];
    yield [`${name}.bias`, [v], 0, 0.02];
  };
  yield [`${vision}.embeddings.patch_embedding.weight`, [v, 3, 14, 14], 0, (3 * 14 * 14) ** -0.5];
  yield [`${vision}.embeddings.patch_embedding.bias`, [v], 0, 0.02];
  yield [`${vision}.embeddings.position_embedding.weight`, [(imageSize / 14) ** 2, v], 0, 0.02];
  for (let i = 0; i < VISION.num_hidden_layers; i++) {
    const layer = `${vision}.encoder.layers.${i}`;
    yield* layerNorm(`${layer}.layer_norm1`);
    for (const part of ['q_proj', 'k_proj', 'v_proj', 'out_proj']) yield* linear(`${layer}.self_attn.${part}`, v, v);
    yield* layerNorm(`${layer}.layer_norm2`);
    yield* linear(`${layer}.mlp.fc1`, vMlp, v);
    yield* linear(`${layer}.mlp.fc2`, v, vMlp);
  }
  yield* layerNorm(`${vision}.post_layernorm`);
  yield* linear('multi_modal_projector.linear', width, v);
}

const count = (shape) => shape.reduce((product, n) => product * n, 1);

/** Standard normal values, drawn once; every tensor takes them from another place on. xorshift32, Box-Muller. */
const POOL = (() => {
  const values = new Float32Array((1 << 22) + 8191);
  let state = 0x9e3779b9;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 1) / 4294967297;
  };
  for (let i = 0; i < values.length; i++)
    values[i] = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return values;
})();

function block(mean, deviation) {
  const floats = POOL.map((value) => mean + deviation * value);
  if (options.dtype === 'f32') return Buffer.from(floats.buffer);
  const words = new Uint32Array(floats.buffer);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) halves[i] = (words[i] + 0x7fff + ((words[i] >>> 16) & 1)) >>> 16;
  return Buffer.from(halves.buffer);
}
const blocks = new Map();

/** Values of one tensor, in pieces of the pool. */
function* pieces(shape, mean, deviation, seed) {
  const key = `${mean}/${deviation}`;
  if (!blocks.has(key)) blocks.set(key, block(mean, deviation));
  const pool = blocks.get(key);
  let at = ((seed * 1000003) % POOL.length) * bytesPerValue;
  for (let left = count(shape) * bytesPerValue; left > 0; ) {
    const length = Math.min(left, pool.length - at);
    yield pool.subarray(at, at + length);
    left -= length;
    at = 0;
  }
}

fs.mkdirSync(target, { recursive: true });
const shards = [[]];
let filled = 0;
for (const tensor of tensors()) {
  const bytes = count(tensor[1]) * bytesPerValue;
  if (filled > 0 && filled + bytes > Number(options['shard-gb']) * 1e9) {
    shards.push([]);
    filled = 0;
  }
  shards.at(-1).push(tensor);
  filled += bytes;
}

const map = {};
let seed = 1;
for (const [i, shard] of shards.entries()) {
  const number = (n) => String(n).padStart(5, '0');
  const name =
    shards.length === 1 ? 'model.safetensors' : `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`;
  let offset = 0;
  const header = {};
  for (const [tensor, shape] of shard) {
    const end = offset + count(shape) * bytesPerValue;
    header[tensor] = { dtype: options.dtype.toUpperCase(), shape, data_offsets: [offset, end] };
    map[tensor] = name;
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = fs.openSync(path.join(target, name), 'w');
  for (const piece of [length, json]) fs.writeSync(file, piece);
  for (const [, shape, mean, deviation] of shard)
    for (const piece of pieces(shape, mean, deviation, seed++)) fs.writeSync(file, piece);
  fs.closeSync(file);
  console.error(`${name}: ${(offset / 1e9).toFixed(2)} GB`);
}
if (shards.length > 1)
  fs.writeFileSync(
    path.join(target, 'model.safetensors.index.json'),
    JSON.stringify({ metadata: {}, weight_map: map }),
  );

const config = {
  model_type: 'paligemma',
  bos_token_id: 2,
  eos_token_id: 1,
  pad_token_id: 0,
  image_token_index: VOCABULARY - 1,
  projection_dim: width,
  hidden_size: width,
  text_config: {
    model_type: gemma2 ? 'gemma2' : 'gemma',
    vocab_size: VOCABULARY,
    hidden_size: width,
    intermediate_size: mlp,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: headSize,
    ...(gemma2 ? { query_pre_attn_scalar: queryScalar } : {}),
  },
  vision_config: {
    model_type: 'siglip_vision_model',
    ...VISION,
    image_size: imageSize,
    patch_size: 14,
    projection_dim: width,
  },
};
fs.writeFileSync(path.join(target, 'config.json'), JSON.stringify(config, null, 2));
for (const name of ['tokenizer.model', 'added_tokens.json', 'special_tokens_map.json', 'tokenizer_config.json'])
  fs.copyFileSync(path.join(TOKENIZER, name), path.join(target, name));
