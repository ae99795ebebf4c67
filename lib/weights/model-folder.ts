import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Judged, JudgedKeys } from '../addon/gguf.js';
import { native } from '../addon/native.js';
import { PaliGemmaError, reasonOf } from '../base/errors.js';
import type { Hyperparameters } from '../checkpoint/config.js';
import { type TensorName, textTensors, visionTensors } from '../checkpoint/names.js';
import { product } from '../checkpoint/stored-tensor.js';
import type { ModelFile } from '../types.js';
import { maskTensors } from './mask-decoder.js';
import { quantizationOf } from './quantization.js';

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

/** One that was opened for a caller. */
export type OpenedModel = ModelFolder & { embedded: boolean };

/** What the memory that a model takes is reckoned from. */
export type Planned = Pick<ModelFolder, 'name' | 'hyperparameters' | 'vocabulary' | 'textType' | 'weightBytes'>;

/** Whether a folder holds (at least a part of) a converted model. */
export const isModelFolder = (folder: string): boolean => ggufNames(folder).length > 0;

const ggufNames = (folder: string): string[] =>
  existsSync(folder) && statSync(folder).isDirectory()
    ? readdirSync(folder).filter((name) => name.endsWith('.gguf') && isFile(path.join(folder, name)))
    : [];

/** A pipe of that name would never end. */
const isFile = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;

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
 * Reads a model folder's headers, which native/gguf judges: llama.cpp ends the process when a file is not what it expects.
 * @throws PaliGemmaError ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL or ERR_UNSUPPORTED_MODEL, naming the file and what is wrong.
 */
export async function openModelFolder(folder: string): Promise<ModelFolder> {
  return { folder, ...(await checkModelFiles(...modelFiles(folder))) };
}

/** The same for two files wherever they are. */
export async function checkModelFiles(textPath: string, visionPath: string): Promise<Omit<ModelFolder, 'folder'>> {
  const text = await accept(textPath, native().judgeText(textPath));
  const vision = await accept(visionPath, native().judgeVision(visionPath));
  const sizes = hyperparameters(text.values, vision.values);
  const textModel = textTensors(sizes, text.vocabulary);
  const tower = visionTensors(sizes);
  const extra = vision.maskDecoder ? maskTensors() : [];
  const textFile = await judgeFile(textPath, textModel);
  const visionFile = await judgeFile(visionPath, tower, extra);
  return {
    textPath,
    visionPath,
    hyperparameters: sizes,
    // Other converters do not write it. It stands for images in a trace, and is never looked up.
    imageToken: (vision.values['paligemma.image_token_id'] ?? text.vocabulary) as number,
    name: (text.values['general.name'] ?? '') as string,
    licence: (text.values['general.license'] ?? 'unknown') as string,
    vocabulary: text.vocabulary,
    parameters: textFile.parameters + visionFile.parameters,
    textType: typeOf(text, textFile),
    visionType: typeOf(vision, visionFile),
    maskDecoder: vision.maskDecoder,
    weightBytes: [...textFile.types, ...visionFile.types].reduce((sum, { bytes }) => sum + bytes, 0),
    files: [textFile, visionFile],
  };
}

const CODES = { invalid: 'ERR_INVALID_MODEL', unsupported: 'ERR_UNSUPPORTED_MODEL' } as const;

async function accept<T extends object>(file: string, judgement: Promise<Judged<T>>): Promise<T> {
  const judged = await judgement.catch((error) => {
    throw new PaliGemmaError('ERR_INVALID_MODEL', `${file} cannot be read: ${reasonOf(error)}`, { cause: error });
  });
  if ('refused' in judged) throw new PaliGemmaError(CODES[judged.refused], judged.reason);
  return judged;
}

const judgeFile = async (file: string, expected: TensorName[], extra: TensorName[] = []): Promise<ModelFile> => ({
  path: file,
  parameters: expected.reduce((sum, { shape }) => sum + product(shape), 0),
  ...(await accept(file, native().judgeTensors(file, [...expected, ...extra]))),
});

/** By the name people know: what the file says, else the type that holds most of its bytes. */
const typeOf = ({ values }: JudgedKeys, { types }: ModelFile): string =>
  quantizationOf(values['general.file_type']) ?? types[0]?.type ?? 'f32';

/** From keys that were judged; what may be left out has llama.cpp's defaults. */
function hyperparameters(text: JudgedKeys['values'], vision: JudgedKeys['values']): Hyperparameters {
  const architecture = text['general.architecture'] as 'gemma' | 'gemma2';
  const t = (key: string, fallback?: number) => (text[`${architecture}.${key}`] ?? fallback) as number;
  const v = (key: string) => vision[`clip.vision.${key}`] as number;
  const headSize = t('attention.key_length');
  return {
    architecture,
    imageToken: undefined,
    bosToken: text['tokenizer.ggml.bos_token_id'] as number,
    eosToken: text['tokenizer.ggml.eos_token_id'] as number,
    padToken: 0,
    text: {
      width: t('embedding_length'),
      layers: t('block_count'),
      heads: t('attention.head_count'),
      keyValueHeads: t('attention.head_count_kv'),
      headSize,
      mlpWidth: t('feed_forward_length'),
      contextLength: t('context_length'),
      normEpsilon: t('attention.layer_norm_rms_epsilon'),
      ropeTheta: t('rope.freq_base', 10000),
      ...(architecture === 'gemma2' && {
        gemma2: {
          attentionSoftcap: t('attn_logit_softcapping', 50),
          finalSoftcap: t('final_logit_softcapping', 30),
          slidingWindow: t('attention.sliding_window', 4096),
          attentionScale: t('attention.scale', headSize ** -0.5),
        },
      }),
    },
    vision: {
      width: v('embedding_length'),
      layers: v('block_count'),
      heads: v('attention.head_count'),
      mlpWidth: v('feed_forward_length'),
      imageSize: v('image_size'),
      patchSize: v('patch_size'),
      normEpsilon: v('attention.layer_norm_epsilon'),
    },
  };
}
