import path from 'node:path';
import { checkFunction, checkSignal, invalid, object, oneOf } from '../base/check.js';
import { PaliGemmaError, show } from '../base/errors.js';
import type { Checkpoint } from '../checkpoint/checkpoint.js';
import { isCheckpoint, openCheckpoint } from '../checkpoint/open.js';
import type { Progress } from '../types.js';
import { readMaskDecoder } from './mask-decoder.js';
import { type Origin, textMetadata, visionMetadata } from './metadata.js';
import { isModelFolder, MODEL_FILES } from './model-folder.js';
import {
  DEFAULT_QUANTIZATION,
  defaultVision,
  QUANTIZATIONS,
  type Quantization,
  VISION_QUANTIZATIONS,
  type VisionQuantization,
} from './quantization.js';
import { planText, planVision, storedMlpWidth } from './tensor-plan.js';
import { sourceBytes, type WrittenFile, writeModel } from './write-model.js';

export interface ConvertOptions {
  /** Type of the text model. Default `f16`. */
  quantization?: Quantization;
  /** Type of the vision tower. Default: as `quantization`; `q8_0` where that has fewer than eight bits. */
  visionQuantization?: VisionQuantization;
  /** A mask decoder in the layout of big_vision's `vae-oid.npz`, to be stored with the vision tower. Default: none. */
  maskDecoder?: string;
  /** Folder of a LoRA adapter (peft; rsLoRA too) to be merged into the weights. Default: none. */
  adapter?: string;
  /** Folder, `tokenizer.model` or `tokenizer.json` to take the tokenizer from. Default: beside the weights. */
  tokenizer?: string;
  /** Name written into the files. Default: the source's. */
  name?: string;
  /** Licence written into the files. Default `gemma`. */
  licence?: string;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

export interface ConvertReport {
  /** Folder of the model. */
  model: string;
  architecture: 'gemma' | 'gemma2';
  quantization: Quantization;
  visionQuantization: VisionQuantization;
  /** What was written. `bytes` of the whole file. */
  files: WrittenFile[];
  /** Milliseconds. */
  duration: number;
}

/**
 * Converts a PaliGemma checkpoint to a model folder of `model.gguf` and `mmproj.gguf`.
 *
 * Files are written beside their final place and moved there when both are whole, so that a failure or an abort leaves
 * an earlier model as it was. Memory: some blocks of a million values, whatever the model.
 *
 * @param source Hugging Face folder with `config.json`, `*.safetensors` (one file or shards; float32, float16, bfloat16) and a
 *   tokenizer; or big_vision's `.npz` (one file, one of its parts, or a folder; float32, float16, bfloat16)
 * @param target folder to write to; made when missing
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT, ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL, ERR_UNSUPPORTED_MODEL, ERR_DISK_FULL or
 *   ERR_CONVERSION_FAILED (values beyond float16, a folder that cannot be written); the signal's reason when aborted
 */
export async function convert(source: string, target: string, options: ConvertOptions = {}): Promise<ConvertReport> {
  checkOptions(options);
  for (const [name, value] of Object.entries({ source, target }))
    if (typeof value !== 'string' || value === '') throw invalid(`${name} must be a path, not ${show(value)}`);
  options.signal?.throwIfAborted();

  if (isModelFolder(source) && !isCheckpoint(source))
    throw new PaliGemmaError(
      'ERR_UNSUPPORTED_MODEL',
      `${source} is converted already: load it as it is, or convert the checkpoint it was made from`,
    );
  return convertCheckpoint(await openCheckpoint(source, options), target, options);
}

/** The same for a checkpoint that is open. */
export async function convertCheckpoint(
  checkpoint: Checkpoint,
  target: string,
  options: ConvertOptions,
): Promise<ConvertReport> {
  const started = performance.now();
  const { quantization, visionQuantization } = chosenTypes(options);
  const masks = options.maskDecoder === undefined ? [] : await readMaskDecoder(options.maskDecoder);
  const origin: Origin = { name: options.name ?? checkpoint.name, licence: options.licence ?? 'gemma' };
  const mlpWidth = storedMlpWidth(checkpoint.hyperparameters.vision.mlpWidth, visionQuantization);
  const vision = [...checkpoint.vision, ...masks];
  const files = await writeModel(
    [
      {
        name: MODEL_FILES.text,
        values: textMetadata(checkpoint, quantization, origin),
        tensors: planText(checkpoint, quantization),
        sourceBytes: sourceBytes(checkpoint.text),
      },
      {
        name: MODEL_FILES.vision,
        values: visionMetadata(checkpoint, visionQuantization, mlpWidth, origin),
        tensors: planVision(checkpoint, vision, visionQuantization),
        sourceBytes: sourceBytes(vision),
      },
    ],
    target,
    options,
  );
  return {
    model: path.resolve(target),
    architecture: checkpoint.hyperparameters.architecture,
    quantization,
    visionQuantization,
    files,
    duration: performance.now() - started,
  };
}

const TEXTS = ['name', 'licence', 'maskDecoder', 'adapter', 'tokenizer'] as const;

function checkOptions(options: ConvertOptions): void {
  object('options', options);
  checkSignal(options.signal);
  checkFunction('onProgress', options.onProgress);
  for (const name of TEXTS)
    if (options[name] !== undefined && typeof options[name] !== 'string')
      throw invalid(`${name} must be a text, not ${show(options[name])}`);
  chosenTypes(options);
}

/** Both types with their defaults. */
export function chosenTypes(options: Pick<ConvertOptions, 'quantization' | 'visionQuantization'>) {
  const quantization = oneOf('quantization', options.quantization ?? DEFAULT_QUANTIZATION, QUANTIZATIONS);
  const visionQuantization = oneOf(
    'visionQuantization',
    options.visionQuantization ?? defaultVision(quantization),
    VISION_QUANTIZATIONS,
  );
  return { quantization, visionQuantization };
}
