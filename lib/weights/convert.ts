import { mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { checkFunction, checkSignal, object } from '../check.js';
import { PaliGemmaError, reasonOf, show } from '../errors.js';
import { type GgufEntry, native } from '../native.js';
import type { Progress } from '../types.js';
import { type Checkpoint, type CheckpointTensor, openCheckpoint } from './checkpoint.js';
import { readMaskDecoder } from './mask-decoder.js';
import { type Origin, textMetadata, visionMetadata } from './metadata.js';
import { checkModelFiles, MODEL_FILES } from './model-folder.js';
import { storedBytes } from './safetensors.js';
import { WEIGHT_TYPES, type WeightType } from './weight-type.js';

export interface ConvertOptions {
  /** Type of the text model's matrices. Default `f16`. */
  quantization?: WeightType;
  /** Type of the vision tower's matrices. Default: as `quantization`. */
  visionQuantization?: WeightType;
  /** A mask decoder in the layout of big_vision's `vae-oid.npz`, to be stored with the vision tower. Default: none. */
  maskDecoder?: string;
  /** Name written into the files. Default: the source folder's. */
  name?: string;
  /** Licence written into the files. Default `gemma`. */
  licence?: string;
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

export interface ConvertReport {
  model: string;
  architecture: 'gemma' | 'gemma2';
  quantization: WeightType;
  visionQuantization: WeightType;
  /** What was written. `bytes` of the whole file. */
  files: { path: string; bytes: number; tensors: number }[];
  /** Milliseconds. */
  duration: number;
}

/**
 * Converts a Hugging Face PaliGemma folder to a model folder of `model.gguf` and `mmproj.gguf`.
 *
 * Files are written beside their final place and moved there when both are whole, so that a failure or an abort leaves
 * an earlier model as it was. Memory: a block of a million values at a time.
 *
 * @param source folder with `config.json`, `*.safetensors` (one file or shards; float32, float16, bfloat16) and a tokenizer
 * @param target folder to write to; made when missing
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT, ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL, ERR_UNSUPPORTED_MODEL or
 *   ERR_CONVERSION_FAILED (disk full, values beyond float16); the signal's reason when aborted
 */
export async function convert(source: string, target: string, options: ConvertOptions = {}): Promise<ConvertReport> {
  const started = performance.now();
  checkOptions(options);
  const quantization = weightType('quantization', options.quantization ?? 'f16');
  const visionQuantization = weightType('visionQuantization', options.visionQuantization ?? quantization);
  for (const [name, value] of Object.entries({ source, target }))
    if (typeof value !== 'string' || value === '')
      throw new PaliGemmaError('ERR_INVALID_ARGUMENT', `${name} must be the path of a folder, not ${show(value)}`);
  options.signal?.throwIfAborted();

  if (!(await isFolder(source))) throw new PaliGemmaError('ERR_MODEL_NOT_FOUND', `no such folder: ${source}`);
  const checkpoint = await openCheckpoint(source);
  const masks = options.maskDecoder === undefined ? [] : await readMaskDecoder(options.maskDecoder);
  const origin: Origin = {
    name: options.name ?? path.basename(path.resolve(source)),
    licence: options.licence ?? 'gemma',
  };
  const parts: Part[] = [
    {
      name: MODEL_FILES.text,
      type: quantization,
      values: textMetadata(checkpoint, quantization, origin),
      tensors: checkpoint.text,
    },
    {
      name: MODEL_FILES.vision,
      type: visionQuantization,
      values: visionMetadata(checkpoint, visionQuantization, origin),
      tensors: [...checkpoint.vision, ...masks],
    },
  ];
  const files = await writeAll(parts, target, options);
  return {
    model: path.resolve(target),
    architecture: checkpoint.hyperparameters.architecture,
    quantization,
    visionQuantization,
    files,
    duration: performance.now() - started,
  };
}

/** One file to write. */
interface Part {
  name: string;
  type: WeightType;
  values: GgufEntry[];
  tensors: Checkpoint['text'];
}

function checkOptions(options: ConvertOptions): void {
  object('options', options);
  checkSignal(options.signal);
  checkFunction('onProgress', options.onProgress);
  for (const name of ['name', 'licence', 'maskDecoder'] as const)
    if (options[name] !== undefined && typeof options[name] !== 'string')
      throw new PaliGemmaError('ERR_INVALID_ARGUMENT', `${name} must be a text, not ${show(options[name])}`);
}

function weightType(option: string, value: unknown): WeightType {
  if (WEIGHT_TYPES.includes(value as WeightType)) return value as WeightType;
  throw new PaliGemmaError(
    'ERR_INVALID_ARGUMENT',
    `${option} must be one of ${WEIGHT_TYPES.join(', ')}, not ${show(value)}`,
  );
}

const isFolder = async (folder: string) =>
  stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );

async function writeAll(parts: Part[], target: string, options: ConvertOptions): Promise<ConvertReport['files']> {
  const total = parts.flatMap((part) => part.tensors).reduce((sum, tensor) => sum + storedBytes(tensor.stored), 0);
  const aside = parts.map((part) =>
    path.join(target, `.${part.name}.${process.pid}.${Date.now().toString(36)}.partial`),
  ) as [string, string];
  const report = new ProgressReport(options.onProgress, total);
  try {
    await mkdir(target, { recursive: true });
    for (const [i, part] of parts.entries()) await writePart(part, aside[i] as string, options.signal, report);
    await checkModelFiles(...aside); // what load would refuse must not take the place of something good
    for (const [i, part] of parts.entries()) await rename(aside[i] as string, path.join(target, part.name));
  } catch (error) {
    await Promise.all(aside.map((file) => rm(file, { force: true }).catch(() => {})));
    if (error instanceof PaliGemmaError || options.signal?.aborted || report.failed) throw error;
    throw new PaliGemmaError('ERR_CONVERSION_FAILED', `writing to ${target} failed: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  return Promise.all(
    parts.map(async (part) => {
      const file = path.join(target, part.name);
      return { path: file, bytes: (await stat(file)).size, tensors: part.tensors.length };
    }),
  );
}

/** Adds up the parts for the caller's callback. What the callback throws is kept, for it must not pass through native code. */
class ProgressReport {
  failed = false;
  error: unknown;
  #before = 0;

  constructor(
    private readonly callback: ConvertOptions['onProgress'],
    private readonly total: number,
  ) {}

  update(done: number): void {
    if (this.failed) return;
    try {
      this.callback?.({ stage: 'convert', done: this.#before + done, total: this.total });
    } catch (error) {
      this.failed = true;
      this.error = error;
    }
  }

  finishPart(bytes: number): void {
    this.update(bytes);
    this.#before += bytes;
    if (this.failed) throw this.error;
  }
}

async function writePart(part: Part, file: string, signal: AbortSignal | undefined, report: ProgressReport) {
  signal?.throwIfAborted();
  const tensors = part.tensors.map((tensor) => plan(tensor, part.type));
  const job = native().writeGguf({ path: file, values: part.values, tensors }, (done) => {
    report.update(done);
    if (report.failed) job.cancel();
  });
  signal?.addEventListener('abort', job.cancel, { once: true });
  try {
    await job.promise;
  } finally {
    signal?.removeEventListener('abort', job.cancel);
  }
  signal?.throwIfAborted();
  report.finishPart(part.tensors.reduce((sum, tensor) => sum + storedBytes(tensor.stored), 0));
}

function plan({ gguf, kind, add, stored }: CheckpointTensor, type: WeightType) {
  return {
    name: gguf,
    shape: stored.shape.toReversed(), // ggml counts the fastest dimension first
    type: storedType(gguf, kind, type, stored.shape.at(-1) as number),
    source: { path: stored.path, offset: stored.offset, type: stored.type },
    add,
  };
}

/**
 * The type a tensor gets. Quantised types come in blocks of 32 values (K-quants 256), which rows of other widths do not
 * divide into. The embedding table is the output matrix too, and spared the coarsest type, as llama.cpp's own tool does.
 */
function storedType(name: string, kind: CheckpointTensor['kind'], type: WeightType, width: number): string {
  if (kind === 'exact') return 'f32';
  if (!type.startsWith('q')) return type;
  if (width % 32 !== 0) return 'f16';
  if (type === 'q4_0' && name === 'token_embd.weight') return width % 256 === 0 ? 'q6_K' : 'q8_0';
  return type;
}
