import { PaliGemmaError, show } from '../base/errors.js';

/** The sizes and constants of a checkpoint, defaults filled in. */
export interface Hyperparameters {
  architecture: 'gemma' | 'gemma2';
  imageToken: number | undefined;
  eosToken: number;
  bosToken: number;
  padToken: number;
  text: {
    width: number;
    layers: number;
    heads: number;
    keyValueHeads: number;
    headSize: number;
    mlpWidth: number;
    contextLength: number;
    normEpsilon: number;
    ropeTheta: number;
    /** Gemma 2 only. */
    gemma2?: { attentionSoftcap: number; finalSoftcap: number; slidingWindow: number; attentionScale: number };
  };
  vision: {
    width: number;
    layers: number;
    heads: number;
    mlpWidth: number;
    imageSize: number;
    patchSize: number;
    normEpsilon: number;
  };
}

type Json = Record<string, unknown>;

const unsupported = (message: string) => new PaliGemmaError('ERR_UNSUPPORTED_MODEL', message);

// Published files leave out what equals the defaults of transformers' GemmaConfig, Gemma2Config and SiglipVisionConfig.
const TEXT_DEFAULTS = {
  gemma: {
    hidden_size: 2048,
    intermediate_size: 16384,
    num_hidden_layers: 18,
    num_attention_heads: 8,
    num_key_value_heads: 1,
  },
  gemma2: {
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    num_attention_heads: 8,
    num_key_value_heads: 4,
  },
};

/** What all published models share, and big_vision's files do not say. */
export const TEXT_CONSTANTS = {
  common: { contextLength: 8192, normEpsilon: 1e-6, ropeTheta: 10000 },
  gemma2: { attentionSoftcap: 50, finalSoftcap: 30, slidingWindow: 4096 },
};
export const SIGLIP_EPSILON = 1e-6;

/** Tensors are listed by layer: a false number must not fill the memory with names. */
const MAX_LAYERS = 512;

/** Reads values out of one section of config.json, naming the key when one is wrong. */
class Section {
  constructor(
    private readonly values: Json,
    private readonly path: string,
  ) {}

  number(key: string, fallback: number): number {
    const value = this.values[key] ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0)
      throw new PaliGemmaError(
        'ERR_INVALID_MODEL',
        `config.json: ${this.path}${key} must be a positive number, not ${show(value)}`,
      );
    return value;
  }

  size(key: string, fallback: number, most = 2 ** 31 - 1): number {
    const value = this.number(key, fallback);
    if (!Number.isInteger(value) || value > most)
      throw new PaliGemmaError(
        'ERR_INVALID_MODEL',
        `config.json: ${this.path}${key} must be a whole number from 1 to ${most}, not ${show(value)}`,
      );
    return value;
  }

  section(key: string): Section {
    const value = this.values[key] ?? {};
    if (typeof value !== 'object' || Array.isArray(value))
      throw new PaliGemmaError(
        'ERR_INVALID_MODEL',
        `config.json: ${this.path}${key} must be an object, not ${show(value)}`,
      );
    return new Section(value as Json, `${this.path}${key}.`);
  }

  /** Refuses a model that says it computes something this library does not. */
  only(key: string, allowed: readonly unknown[]): void {
    const value = this.values[key];
    if (value !== undefined && value !== null && !allowed.includes(value))
      throw unsupported(
        `config.json: ${this.path}${key} is ${show(value)}; supported: ${allowed.map(show).join(', ')}`,
      );
  }

  raw(key: string): unknown {
    return this.values[key];
  }
}

/**
 * Hyperparameters from a parsed config.json of a PaliGemma checkpoint.
 * @throws PaliGemmaError ERR_UNSUPPORTED_MODEL for other models, ERR_INVALID_MODEL for values out of range.
 */
export function readConfig(config: Json): Hyperparameters {
  if (config.model_type !== 'paligemma')
    throw unsupported(
      `config.json describes a ${show(config.model_type)} model; PaliGemma 1 and 2 ("paligemma") can be converted`,
    );
  const root = new Section(config, '');
  const text = root.section('text_config');
  const architecture = text.raw('model_type') ?? 'gemma';
  if (architecture !== 'gemma' && architecture !== 'gemma2')
    throw unsupported(`config.json: text_config.model_type is ${show(architecture)}; supported: "gemma", "gemma2"`);

  const vision = root.section('vision_config');
  vision.only('model_type', ['siglip_vision_model']);
  vision.only('hidden_act', ['gelu_pytorch_tanh']);
  vision.only('num_channels', [3]);
  vision.only('vision_use_head', [false]);
  text.only('attention_bias', [false]);
  // Gemma's early files say "gelu" and mean the tanh form: transformers itself reads them so.
  for (const key of ['hidden_act', 'hidden_activation']) text.only(key, ['gelu_pytorch_tanh', 'gelu']);

  const imageToken = config.image_token_index ?? config.image_token_id;
  return {
    architecture,
    imageToken: typeof imageToken === 'number' ? imageToken : undefined,
    bosToken: tokenId(config, 'bos_token_id', 2),
    eosToken: tokenId(config, 'eos_token_id', 1),
    padToken: tokenId(config, 'pad_token_id', 0),
    text: textSizes(text, architecture),
    vision: {
      width: vision.size('hidden_size', 1152),
      layers: vision.size('num_hidden_layers', 27, MAX_LAYERS),
      heads: vision.size('num_attention_heads', 16),
      mlpWidth: vision.size('intermediate_size', 4304),
      imageSize: vision.size('image_size', 224),
      patchSize: vision.size('patch_size', 14),
      normEpsilon: vision.number('layer_norm_eps', SIGLIP_EPSILON),
    },
  };
}

function tokenId(config: Json, key: string, fallback: number): number {
  const value = config[key];
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 ? value : fallback;
}

function textSizes(text: Section, architecture: 'gemma' | 'gemma2'): Hyperparameters['text'] {
  const defaults = TEXT_DEFAULTS[architecture];
  const { common } = TEXT_CONSTANTS;
  const rope = text.section('rope_parameters');
  rope.only('rope_type', ['default']);
  const layers = text.size('num_hidden_layers', defaults.num_hidden_layers, MAX_LAYERS);
  const sizes: Hyperparameters['text'] = {
    width: text.size('hidden_size', defaults.hidden_size),
    layers,
    heads: text.size('num_attention_heads', defaults.num_attention_heads),
    keyValueHeads: text.size('num_key_value_heads', defaults.num_key_value_heads),
    headSize: text.size('head_dim', 256),
    mlpWidth: text.size('intermediate_size', defaults.intermediate_size),
    contextLength: text.size('max_position_embeddings', common.contextLength),
    normEpsilon: text.number('rms_norm_eps', common.normEpsilon),
    ropeTheta: rope.number('rope_theta', text.number('rope_theta', common.ropeTheta)),
  };
  if (architecture === 'gemma') return sizes;

  const layerTypes = text.raw('layer_types');
  const alternating = (type: unknown, i: number) => type === (i % 2 === 0 ? 'sliding_attention' : 'full_attention');
  if (
    layerTypes !== undefined &&
    !(Array.isArray(layerTypes) && layerTypes.length === layers && layerTypes.every(alternating))
  )
    throw unsupported('config.json: text_config.layer_types must alternate, sliding attention first, as in Gemma 2');
  for (const key of ['attn_logit_softcapping', 'final_logit_softcapping', 'sliding_window'])
    if (text.raw(key) === null)
      throw unsupported(`config.json: text_config.${key} is null; Gemma 2 with a number there is supported`);
  return {
    ...sizes,
    gemma2: {
      attentionSoftcap: text.number('attn_logit_softcapping', TEXT_CONSTANTS.gemma2.attentionSoftcap),
      finalSoftcap: text.number('final_logit_softcapping', TEXT_CONSTANTS.gemma2.finalSoftcap),
      slidingWindow: text.size('sliding_window', TEXT_CONSTANTS.gemma2.slidingWindow),
      attentionScale: text.number('query_pre_attn_scalar', 256) ** -0.5,
    },
  };
}
