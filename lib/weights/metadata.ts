// GGUF metadata of the two files, by the ecosystem's conventions: general.*, gemma.* or gemma2.*, tokenizer.*, clip.*.

import type { GgufEntry } from '../addon/gguf.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { product } from '../checkpoint/stored-tensor.js';
import { IMAGE } from '../checkpoint/tokenizer.js';
import { FILE_TYPE, type Quantization } from './quantization.js';

const string = (key: string, value: string): GgufEntry => ({ key, type: 'string', value });
const u32 = (key: string, value: number): GgufEntry => ({ key, type: 'u32', value });
const f32 = (key: string, value: number): GgufEntry => ({ key, type: 'f32', value });
const bool = (key: string, value: boolean): GgufEntry => ({ key, type: 'bool', value });

export interface Origin {
  name: string;
  licence: string;
}

/** The version of ggml's quantised formats (GGML_QNT_VERSION). */
const FORMAT_VERSION = 2;

function general(
  architecture: string,
  type: 'model' | 'mmproj',
  { text, vision }: Checkpoint,
  origin: Origin,
): GgufEntry[] {
  const parameters = [...text, ...vision].reduce((sum, { shape }) => sum + product(shape), 0);
  return [
    string('general.architecture', architecture),
    string('general.type', type),
    string('general.name', origin.name),
    string('general.size_label', sizeLabel(parameters)),
    string('general.license', origin.licence),
    ...(origin.licence === 'gemma' ? [string('general.license.link', 'https://ai.google.dev/gemma/terms')] : []),
    { key: 'general.tags', type: 'string[]', value: ['image-text-to-text'] },
  ];
}

/** As gguf-py writes it: two digits at most, of the nearest unit. */
function sizeLabel(parameters: number): string {
  const [unit, letter] = parameters >= 1e9 ? [1e9, 'B'] : parameters >= 1e6 ? [1e6, 'M'] : [1e3, 'K'];
  const value = parameters / (unit as number);
  return `${value.toFixed(Math.round(value) < 10 ? 1 : 0)}${letter}`;
}

/** Last, where llama.cpp's quantiser puts them, so that its files and ours are the same. */
const fileType = (quantization: Quantization): GgufEntry[] => [
  u32('general.quantization_version', FORMAT_VERSION),
  u32('general.file_type', FILE_TYPE[quantization]),
];

export function textMetadata(checkpoint: Checkpoint, quantization: Quantization, origin: Origin): GgufEntry[] {
  const { hyperparameters: h, tokens } = checkpoint;
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
    ...general(a, 'model', checkpoint, origin),
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
    ...fileType(quantization),
  ];
}

/** `mlpWidth` as it is stored: quantised towers are padded. */
export function visionMetadata(
  checkpoint: Checkpoint,
  quantization: Quantization,
  mlpWidth: number,
  origin: Origin,
): GgufEntry[] {
  const { hyperparameters: h, tokens } = checkpoint;
  const { vision: v } = h;
  const named = tokens.findIndex((token) => token.text === IMAGE);
  return [
    ...general('clip', 'mmproj', checkpoint, origin),
    bool('clip.has_vision_encoder', true),
    string('clip.projector_type', 'paligemma'),
    bool('clip.use_gelu', true),
    u32('clip.vision.image_size', v.imageSize),
    u32('clip.vision.patch_size', v.patchSize),
    u32('clip.vision.embedding_length', v.width),
    u32('clip.vision.feed_forward_length', mlpWidth),
    u32('clip.vision.block_count', v.layers),
    u32('clip.vision.attention.head_count', v.heads),
    u32('clip.vision.projection_dim', h.text.width),
    f32('clip.vision.attention.layer_norm_epsilon', v.normEpsilon),
    { key: 'clip.vision.image_mean', type: 'f32[]', value: [0.5, 0.5, 0.5] },
    { key: 'clip.vision.image_std', type: 'f32[]', value: [0.5, 0.5, 0.5] },
    // Ours: the id that stands for an image feature in a prefix.
    u32('paligemma.image_token_id', h.imageToken ?? (named < 0 ? tokens.length : named)),
    ...fileType(quantization),
  ];
}
