import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Hyperparameters } from '../checkpoint/config.js';
import { textTensors, visionTensors } from '../checkpoint/names.js';
import { PaliGemmaError } from '../errors.js';
import type { ModelFile } from '../types.js';
import { Gguf } from './gguf-header.js';
import { maskTensors } from './mask-decoder.js';

export const MODEL_FILES = { text: 'model.gguf', vision: 'mmproj.gguf' } as const;

/** A model folder whose two headers were found whole and consistent. */
export interface ModelFolder {
  folder: string;
  textPath: string;
  visionPath: string;
  hyperparameters: Hyperparameters;
  imageToken: number;
  name: string;
  licence: string;
  vocabulary: number;
  parameters: number;
  textType: string;
  visionType: string;
  maskDecoder: boolean;
  /** Bytes of both files' tensors. */
  weightBytes: number;
  files: ModelFile[];
}

/** Whether a folder holds (at least a part of) a converted model. */
export const isModelFolder = (folder: string): boolean => ggufNames(folder).length > 0;

const ggufNames = (folder: string): string[] =>
  existsSync(folder) && statSync(folder).isDirectory()
    ? readdirSync(folder).filter((name) => name.endsWith('.gguf'))
    : [];

/** Under our own names, else one file with `mmproj` in its name and one without, as other converters write them. */
function modelFiles(folder: string): [text: string, vision: string] {
  const names = ggufNames(folder);
  const ours = Object.values(MODEL_FILES).some((name) => names.includes(name));
  const find = (what: 'text' | 'vision'): string => {
    const found = ours
      ? names.filter((name) => name === MODEL_FILES[what])
      : names.filter((name) => /mmproj/i.test(name) === (what === 'vision'));
    if (found.length > 1)
      throw new PaliGemmaError(
        'ERR_INVALID_MODEL',
        `${folder} has several ${what === 'text' ? 'text models' : 'mmproj files'}: ${found.join(', ')}; leave one`,
      );
    if (found.length === 0)
      throw new PaliGemmaError(
        'ERR_MODEL_NOT_FOUND',
        `${MODEL_FILES[what]} is missing in ${folder}: a model folder holds ${MODEL_FILES.text} and ${MODEL_FILES.vision}`,
      );
    return path.join(folder, found[0] as string);
  };
  return [find('text'), find('vision')];
}

/**
 * Reads and checks a model folder's headers. ggml ends the process when a file is not what it expects, so whatever it
 * takes for granted is checked here: the format, every size, every tensor's shape, type and place within the file.
 * @throws PaliGemmaError ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL or ERR_UNSUPPORTED_MODEL, naming the file and what is wrong.
 */
export async function openModelFolder(folder: string): Promise<ModelFolder> {
  return { folder, ...(await checkModelFiles(...modelFiles(folder))) };
}

/** The same for two files wherever they are. */
export async function checkModelFiles(textPath: string, visionPath: string): Promise<Omit<ModelFolder, 'folder'>> {
  const text = await Gguf.open(textPath);
  const vision = await Gguf.open(visionPath);

  const architecture = text.string('general.architecture');
  if (architecture !== 'gemma' && architecture !== 'gemma2')
    throw text.unsupported(`it holds a "${architecture}" model, not the Gemma of a PaliGemma`);
  if (vision.string('general.architecture') !== 'clip')
    throw vision.unsupported(`it holds a "${vision.string('general.architecture')}" model, not a vision tower`);
  const projector = vision.string('clip.projector_type', '');
  if (projector !== 'paligemma')
    throw vision.unsupported(
      `its projector is ${projector === '' ? 'of no type' : `"${projector}"`}, not "paligemma", which leaves open whether its features are in the scale of the checkpoint`,
    );

  const hyperparameters: Hyperparameters = {
    architecture,
    imageToken: undefined,
    bosToken: text.count('tokenizer.ggml.bos_token_id', 0),
    eosToken: text.count('tokenizer.ggml.eos_token_id', 0),
    padToken: 0,
    text: textSizes(text, architecture),
    vision: visionSizes(vision),
  };
  const rows = checkVocabulary(text, hyperparameters);
  text.checkTensors(textTensors(hyperparameters, rows));
  const maskDecoder = vision.has('mask.decoder.0.weight');
  vision.checkTensors([...visionTensors(hyperparameters), ...(maskDecoder ? maskTensors() : [])]);
  // Other converters do not write it. It stands for images in a trace, and is never looked up.
  const imageToken = vision.count('paligemma.image_token_id', 0, 1 << 24, rows);
  return {
    textPath,
    visionPath,
    hyperparameters,
    imageToken,
    name: text.string('general.name', ''),
    licence: text.string('general.license', 'unknown'),
    vocabulary: rows,
    parameters: text.parameters() + vision.parameters(),
    textType: text.quantization(),
    visionType: vision.quantization(),
    maskDecoder,
    weightBytes: text.bytes() + vision.bytes(),
    files: [text.summary(), vision.summary()],
  };
}

function textSizes(text: Gguf, a: 'gemma' | 'gemma2'): Hyperparameters['text'] {
  const sizes = {
    width: text.count(`${a}.embedding_length`),
    layers: text.count(`${a}.block_count`, 1, 512),
    heads: text.count(`${a}.attention.head_count`),
    keyValueHeads: text.count(`${a}.attention.head_count_kv`),
    headSize: text.count(`${a}.attention.key_length`),
    mlpWidth: text.count(`${a}.feed_forward_length`),
    contextLength: text.count(`${a}.context_length`),
    normEpsilon: text.number(`${a}.attention.layer_norm_rms_epsilon`),
    ropeTheta: text.number(`${a}.rope.freq_base`, 10000),
  };
  if (text.count(`${a}.attention.value_length`) !== sizes.headSize)
    throw text.invalid('its keys and values differ in size');
  if (text.count(`${a}.rope.dimension_count`, 1, 1 << 16, sizes.headSize) !== sizes.headSize)
    throw text.unsupported('it rotates a part of each head only');
  if (sizes.headSize % 2 !== 0) throw text.invalid('its heads have an odd size');
  if (sizes.heads % sizes.keyValueHeads !== 0)
    throw text.invalid(`${sizes.heads} heads cannot share ${sizes.keyValueHeads} key/value heads`);
  if (a === 'gemma') return sizes;
  return {
    ...sizes,
    gemma2: {
      attentionSoftcap: text.number(`${a}.attn_logit_softcapping`, 50),
      finalSoftcap: text.number(`${a}.final_logit_softcapping`, 30),
      slidingWindow: text.count(`${a}.attention.sliding_window`, 1, 1 << 24, 4096),
      attentionScale: text.number(`${a}.attention.scale`, sizes.headSize ** -0.5),
    },
  };
}

function visionSizes(vision: Gguf): Hyperparameters['vision'] {
  const v = 'clip.vision';
  const sizes = {
    width: vision.count(`${v}.embedding_length`),
    layers: vision.count(`${v}.block_count`, 1, 512),
    heads: vision.count(`${v}.attention.head_count`),
    mlpWidth: vision.count(`${v}.feed_forward_length`),
    imageSize: vision.count(`${v}.image_size`, 1, 4096),
    patchSize: vision.count(`${v}.patch_size`, 1, 512),
    normEpsilon: vision.number(`${v}.attention.layer_norm_epsilon`),
  };
  if (vision.value('clip.has_vision_encoder') !== true) throw vision.invalid('it says it has no vision encoder');
  if (vision.value('clip.use_gelu') !== true) throw vision.unsupported('its activation is not the tanh GELU of SigLIP');
  if (sizes.imageSize % sizes.patchSize !== 0)
    throw vision.invalid(`${sizes.imageSize} pixels are not a whole number of ${sizes.patchSize} pixel patches`);
  if (sizes.width % sizes.heads !== 0)
    throw vision.invalid(`a width of ${sizes.width} does not divide into ${sizes.heads} heads`);
  for (const key of [`${v}.image_mean`, `${v}.image_std`])
    if (vision.array(key, 'f32').numbers?.join() !== '0.5,0.5,0.5')
      throw vision.unsupported(`${key} is not 0.5, 0.5, 0.5`);
  return sizes;
}

/** The number of tokens, which is the height of the embedding table too. */
function checkVocabulary(text: Gguf, { bosToken, eosToken }: Hyperparameters): number {
  if (text.string('tokenizer.ggml.model') !== 'llama')
    throw text.unsupported(`its tokenizer is "${text.string('tokenizer.ggml.model')}", not SentencePiece ("llama")`);
  const rows = text.array('tokenizer.ggml.tokens', 'str').length;
  if (rows === 0) throw text.invalid('its vocabulary is empty');
  for (const [key, type] of [
    ['tokenizer.ggml.scores', 'f32'],
    ['tokenizer.ggml.token_type', 'i32'],
  ] as const)
    if (text.array(key, type).length !== rows)
      throw text.invalid(`${key} has ${text.array(key, type).length} entries for ${rows} tokens`);
  if (bosToken >= rows || eosToken >= rows) throw text.invalid('its special tokens lie outside the vocabulary');
  return rows;
}
