// GGUF metadata of the two files, by the ecosystem's conventions: general.*, gemma.* or gemma2.*, tokenizer.*, clip.*.
import type { GgufEntry } from '../native.js';
import type { Checkpoint } from './checkpoint.js';
import type { WeightType } from './weight-type.js';

const string = (key: string, value: string): GgufEntry => ({ key, type: 'string', value });
const u32 = (key: string, value: number): GgufEntry => ({ key, type: 'u32', value });
const f32 = (key: string, value: number): GgufEntry => ({ key, type: 'f32', value });
const bool = (key: string, value: boolean): GgufEntry => ({ key, type: 'bool', value });

/** llama_ftype of llama.h. */
const FILE_TYPE: Record<WeightType, number> = { f32: 0, f16: 1, bf16: 32, q8_0: 7, q4_0: 2 };

export interface Origin {
  name: string;
  licence: string;
}

function general(architecture: string, type: 'model' | 'mmproj', weights: WeightType, origin: Origin): GgufEntry[] {
  return [
    string('general.architecture', architecture),
    string('general.type', type),
    string('general.name', origin.name),
    string('general.license', origin.licence),
    u32('general.file_type', FILE_TYPE[weights]),
    u32('general.quantization_version', 2),
  ];
}

export function textMetadata(
  { hyperparameters: h, tokens }: Checkpoint,
  weights: WeightType,
  origin: Origin,
): GgufEntry[] {
  const { text: t, architecture: a } = h;
  const gemma2 = t.gemma2
    ? [
        f32(`${a}.attn_logit_softcapping`, t.gemma2.attentionSoftcap),
        f32(`${a}.final_logit_softcapping`, t.gemma2.finalSoftcap),
        u32(`${a}.attention.sliding_window`, t.gemma2.slidingWindow),
        f32(`${a}.attention.scale`, t.gemma2.attentionScale),
      ]
    : [];
  return [
    ...general(a, 'model', weights, origin),
    u32(`${a}.context_length`, t.contextLength),
    u32(`${a}.embedding_length`, t.width),
    u32(`${a}.block_count`, t.layers),
    u32(`${a}.feed_forward_length`, t.mlpWidth),
    u32(`${a}.attention.head_count`, t.heads),
    u32(`${a}.attention.head_count_kv`, t.keyValueHeads),
    u32(`${a}.attention.key_length`, t.headSize),
    u32(`${a}.attention.value_length`, t.headSize),
    f32(`${a}.attention.layer_norm_rms_epsilon`, t.normEpsilon),
    u32(`${a}.rope.dimension_count`, t.headSize),
    f32(`${a}.rope.freq_base`, t.ropeTheta),
    ...gemma2,
    string('tokenizer.ggml.model', 'llama'),
    string('tokenizer.ggml.pre', 'default'),
    { key: 'tokenizer.ggml.tokens', type: 'string[]', value: tokens.map((token) => token.text) },
    { key: 'tokenizer.ggml.scores', type: 'f32[]', value: tokens.map((token) => token.score) },
    { key: 'tokenizer.ggml.token_type', type: 'i32[]', value: tokens.map((token) => token.type) },
    u32('tokenizer.ggml.bos_token_id', h.bosToken),
    u32('tokenizer.ggml.eos_token_id', h.eosToken),
    u32('tokenizer.ggml.padding_token_id', h.padToken),
    bool('tokenizer.ggml.add_bos_token', true),
    bool('tokenizer.ggml.add_eos_token', false),
    bool('tokenizer.ggml.add_space_prefix', false),
  ];
}

export function visionMetadata(
  { hyperparameters: h, tokens }: Checkpoint,
  weights: WeightType,
  origin: Origin,
): GgufEntry[] {
  const { vision: v } = h;
  const named = tokens.findIndex((token) => token.text === '<image>');
  return [
    ...general('clip', 'mmproj', weights, origin),
    bool('clip.has_vision_encoder', true),
    string('clip.projector_type', 'paligemma'),
    bool('clip.use_gelu', true),
    u32('clip.vision.image_size', v.imageSize),
    u32('clip.vision.patch_size', v.patchSize),
    u32('clip.vision.embedding_length', v.width),
    u32('clip.vision.feed_forward_length', v.mlpWidth),
    u32('clip.vision.block_count', v.layers),
    u32('clip.vision.attention.head_count', v.heads),
    u32('clip.vision.projection_dim', h.text.width),
    f32('clip.vision.attention.layer_norm_epsilon', v.normEpsilon),
    { key: 'clip.vision.image_mean', type: 'f32[]', value: [0.5, 0.5, 0.5] },
    { key: 'clip.vision.image_std', type: 'f32[]', value: [0.5, 0.5, 0.5] },
    // Ours: the id that stands for an image feature in a prefix.
    u32('paligemma.image_token_id', h.imageToken ?? Math.max(named, 0)),
  ];
}
