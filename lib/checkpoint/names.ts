import type { Hyperparameters } from './config.js';

/** A tensor as it is called in a checkpoint and in GGUF. */
export interface TensorName {
  /** In the checkpoint, without the layout's prefixes: see {@link canonicalName}. */
  checkpoint: string;
  gguf: string;
  /** Expected shape in the checkpoint's order, slowest dimension first. */
  shape: number[];
  /** `matrix`: stored in the chosen type. `exact`: small and sensitive, stays float32. */
  kind: 'matrix' | 'exact';
  /** Gemma's norms hold w and multiply by 1 + w; llama.cpp multiplies by what is stored. */
  add: number;
}

/** Buffers that carry nothing of their own. */
const REDUNDANT = /(^|\.)(rotary_emb\.inv_freq|embeddings\.position_ids)$/;

/** The output matrix, which PaliGemma ties to the embedding table. */
export const HEAD = 'lm_head.weight';

/**
 * One name for the three layouts a checkpoint's keys come in: `language_model.model.*` with
 * `vision_tower.vision_model.*` (published files) or `vision_tower.*` (written by transformers 5), and
 * `model.language_model.*` with `model.vision_tower.*` (its module names). Null for what carries no weights.
 */
export function canonicalName(key: string): string | null {
  if (REDUNDANT.test(key)) return null;
  if (key === HEAD || key.endsWith(`.${HEAD}`)) return HEAD;
  return key
    .replace(/^model\.(?=language_model\.|vision_tower\.|multi_modal_projector\.)/, '')
    .replace(/^language_model\.model\./, 'language_model.')
    .replace(/^vision_tower\.vision_model\./, 'vision_tower.');
}

/** All tensors of the text model; names of GGUF as llama.cpp's gemma and gemma2 read them. `rows`: the vocabulary's. */
export function textTensors({ architecture, text: t }: Hyperparameters, rows: number): TensorName[] {
  const norm = (checkpoint: string, gguf: string): TensorName => ({
    checkpoint: `language_model.${checkpoint}.weight`,
    gguf: `${gguf}.weight`,
    shape: [t.width],
    kind: 'exact',
    add: 1,
  });
  const matrix = (checkpoint: string, gguf: string, shape: number[]): TensorName => ({
    checkpoint: `language_model.${checkpoint}.weight`,
    gguf: `${gguf}.weight`,
    shape,
    kind: 'matrix',
    add: 0,
  });
  const query = t.heads * t.headSize;
  const keyValue = t.keyValueHeads * t.headSize;
  const norms: [string, string][] =
    architecture === 'gemma'
      ? [
          ['input_layernorm', 'attn_norm'],
          ['post_attention_layernorm', 'ffn_norm'],
        ]
      : [
          ['input_layernorm', 'attn_norm'],
          ['post_attention_layernorm', 'post_attention_norm'],
          ['pre_feedforward_layernorm', 'ffn_norm'],
          ['post_feedforward_layernorm', 'post_ffw_norm'],
        ];
  return [
    matrix('embed_tokens', 'token_embd', [rows, t.width]),
    norm('norm', 'output_norm'),
    ...Array.from({ length: t.layers }, (_, i) => [
      ...norms.map(([from, to]) => norm(`layers.${i}.${from}`, `blk.${i}.${to}`)),
      matrix(`layers.${i}.self_attn.q_proj`, `blk.${i}.attn_q`, [query, t.width]),
      matrix(`layers.${i}.self_attn.k_proj`, `blk.${i}.attn_k`, [keyValue, t.width]),
      matrix(`layers.${i}.self_attn.v_proj`, `blk.${i}.attn_v`, [keyValue, t.width]),
      matrix(`layers.${i}.self_attn.o_proj`, `blk.${i}.attn_output`, [t.width, query]),
      matrix(`layers.${i}.mlp.gate_proj`, `blk.${i}.ffn_gate`, [t.mlpWidth, t.width]),
      matrix(`layers.${i}.mlp.up_proj`, `blk.${i}.ffn_up`, [t.mlpWidth, t.width]),
      matrix(`layers.${i}.mlp.down_proj`, `blk.${i}.ffn_down`, [t.width, t.mlpWidth]),
    ]).flat(),
  ];
}

/** All tensors of the vision tower and the projector; names of GGUF as mtmd's clip reads them. */
export function visionTensors({ text, vision: v }: Hyperparameters): TensorName[] {
  const exact = (checkpoint: string, gguf: string, shape: number[]): TensorName => ({
    checkpoint,
    gguf,
    shape,
    kind: 'exact',
    add: 0,
  });
  const linear = (checkpoint: string, gguf: string, out: number, into: number): TensorName[] => [
    { checkpoint: `${checkpoint}.weight`, gguf: `${gguf}.weight`, shape: [out, into], kind: 'matrix', add: 0 },
    exact(`${checkpoint}.bias`, `${gguf}.bias`, [out]),
  ];
  const norm = (checkpoint: string, gguf: string) =>
    ['weight', 'bias'].map((part) => exact(`${checkpoint}.${part}`, `${gguf}.${part}`, [v.width]));
  const patches = (v.imageSize / v.patchSize) ** 2;
  return [
    exact('vision_tower.embeddings.patch_embedding.weight', 'v.patch_embd.weight', [
      v.width,
      3,
      v.patchSize,
      v.patchSize,
    ]),
    exact('vision_tower.embeddings.patch_embedding.bias', 'v.patch_embd.bias', [v.width]),
    exact('vision_tower.embeddings.position_embedding.weight', 'v.position_embd.weight', [patches, v.width]),
    ...Array.from({ length: v.layers }, (_, i) => {
      const from = `vision_tower.encoder.layers.${i}`;
      const to = `v.blk.${i}`;
      return [
        ...norm(`${from}.layer_norm1`, `${to}.ln1`),
        ...linear(`${from}.self_attn.q_proj`, `${to}.attn_q`, v.width, v.width),
        ...linear(`${from}.self_attn.k_proj`, `${to}.attn_k`, v.width, v.width),
        ...linear(`${from}.self_attn.v_proj`, `${to}.attn_v`, v.width, v.width),
        ...linear(`${from}.self_attn.out_proj`, `${to}.attn_out`, v.width, v.width),
        ...norm(`${from}.layer_norm2`, `${to}.ln2`),
        ...linear(`${from}.mlp.fc1`, `${to}.ffn_up`, v.mlpWidth, v.width),
        ...linear(`${from}.mlp.fc2`, `${to}.ffn_down`, v.width, v.mlpWidth),
      ];
    }).flat(),
    ...norm('vision_tower.post_layernorm', 'v.post_ln'),
    ...linear('multi_modal_projector.linear', 'mm.0', text.width, v.width),
  ];
}
