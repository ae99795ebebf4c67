// What a model takes on a device, and how many requests it computes there at a time.

import type { NativeDevice } from '../addon/native.js';
import { PaliGemmaError } from '../base/errors.js';
import type { Planned } from '../weights/model-folder.js';
import { isCpu, nameOf } from './devices.js';

export interface Plan {
  maxSequences: number;
  batchTokens: number;
  visionBatchTokens: number;
}

export interface Wanted {
  contextTokens: number;
  cacheType: 'f16' | 'f32';
  /** Undefined: as many as fit, within reason. */
  maxSequences: number | undefined;
}

/** What keys and values of all sequences may take by default where they are in the processor's memory. */
const CPU_CACHE_BYTES = 128e6;
/** More sequences than this make a step on a card longer without making more tokens a second. */
const MOST_SEQUENCES = 128;
/** What a card's own library takes: its context and kernels. */
const CARD_LIBRARY_BYTES = 400e6;
/** The workspace of its matrix library, the largest of all generations: one for each of the two towers. */
const CARD_MATRIX_BYTES = 2 * 32 * 2 ** 20;
/** Beams that a search is planned for; more, or longer ones, may find no memory. */
const PLANNED_BEAMS = 4;
/** Tokens of prefixes, and of images, computed together on a card, most first. */
const CARD_BATCHES = [8192, 4096, 2048, 1024];

export const defaultCacheType = ({ textType }: Pick<Planned, 'textType'>): 'f16' | 'f32' =>
  textType === 'f32' ? 'f32' : 'f16';

/** Room for eight images of 256 tokens and what is asked about them; for one of more tokens at least. */
export const defaultContext = (imageTokens: number, trained: number): number =>
  Math.max(Math.min(2560, trained), imageTokens + 512);

/** Keys and values of one sequence. */
export function cacheBytes({ hyperparameters }: Planned, tokens: number, type: 'f16' | 'f32'): number {
  const { layers, keyValueHeads, headSize } = hyperparameters.text;
  return 2 * layers * keyValueHeads * headSize * tokens * (type === 'f32' ? 4 : 2);
}

export function planCpu(model: Planned, { contextTokens, cacheType, maxSequences }: Wanted): Plan {
  const fit = Math.floor(CPU_CACHE_BYTES / cacheBytes(model, contextTokens, cacheType));
  return {
    maxSequences: maxSequences ?? Math.min(Math.max(fit, 1), 32),
    batchTokens: contextTokens,
    // Attention scores grow with the square of an image's tokens, a gigabyte for one at 896 pixels, and on a processor more
    // images at once are not faster.
    visionBatchTokens: 1024,
  };
}

/** Memory that a model takes on the processor: weights, keys and values, and an estimate of what computing takes. */
export function cpuBytes(model: Planned, wanted: Wanted): number {
  const { maxSequences, batchTokens, visionBatchTokens } = planCpu(model, wanted);
  const { heads, imageSize, patchSize } = model.hyperparameters.vision;
  const imageTokens = (imageSize / patchSize) ** 2;
  const seen = Math.max(visionBatchTokens, imageTokens);
  return (
    model.weightBytes +
    maxSequences * cacheBytes(model, wanted.contextTokens, wanted.cacheType) +
    computeBytes(model, batchTokens, seen) +
    4 * heads * imageTokens * seen // attention scores
  );
}

/**
 * The largest batches with which the model and the sequences fit into what the card has free, and as many sequences.
 * @throws PaliGemmaError ERR_OUT_OF_MEMORY when they do not, with what they need
 */
export function planDevice(model: Planned, device: NativeDevice, wanted: Wanted): Plan {
  if (isCpu(device)) return planCpu(model, wanted);
  const { contextTokens, cacheType, maxSequences } = wanted;
  const sequence =
    cacheBytes(model, Math.ceil(contextTokens / 256) * 256, cacheType) + 2 * 4 * (model.vocabulary + contextTokens);
  const imageTokens = (model.hyperparameters.vision.imageSize / model.hyperparameters.vision.patchSize) ** 2;
  let least = 0;
  for (const tokens of CARD_BATCHES) {
    const batchTokens = Math.max(tokens, contextTokens);
    const visionBatchTokens = Math.max(tokens, imageTokens);
    const fixed =
      model.weightBytes +
      CARD_LIBRARY_BYTES +
      CARD_MATRIX_BYTES +
      computeBytes(model, batchTokens, visionBatchTokens) +
      featureBytes(model, visionBatchTokens) +
      matrixBytes(model, batchTokens, visionBatchTokens) +
      beamBytes(model, wanted);
    const fit = Math.floor((device.freeBytes - fixed) / sequence);
    least = fixed;
    if (fit >= (maxSequences ?? Math.min(MOST_SEQUENCES, tokens / 64)))
      return { maxSequences: maxSequences ?? Math.min(fit, MOST_SEQUENCES), batchTokens, visionBatchTokens };
    if (maxSequences === undefined && fit >= 1 && tokens === CARD_BATCHES.at(-1))
      return { maxSequences: fit, batchTokens, visionBatchTokens };
  }
  const fitting = Math.floor((device.freeBytes - least) / sequence);
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  throw new PaliGemmaError(
    'ERR_OUT_OF_MEMORY',
    `${nameOf(device)} has ${gigabytes(device.freeBytes)} free; ${model.name} in ${model.textType} needs ${gigabytes(least)} ` +
      `and ${gigabytes(sequence)} for each of ${maxSequences ?? 1} requests at a time: ` +
      (fitting >= 1
        ? `give maxSequences ${fitting} or less`
        : `convert it to fewer bits, give a smaller contextTokens, or use device: 'cpu'`),
  );
}

/** Activations of a layer of both towers while batches of these sizes are computed, float32. */
function computeBytes({ hyperparameters: { text, vision } }: Planned, tokens: number, visionTokens: number): number {
  const layer = 3 * text.mlpWidth + 4 * text.width + 2 * text.heads * text.headSize;
  const visionLayer = 2 * vision.mlpWidth + 6 * vision.width;
  return 4 * (tokens * layer + visionTokens * visionLayer);
}

/** Features of the pictures that are seen ahead of free sequences, and of those that wait to be computed with them; float32. */
const featureBytes = ({ hyperparameters: { text } }: Planned, visionTokens: number): number =>
  2 * visionTokens * text.width * 4;

/** What the matrix library multiplies with: the largest matrix of weights and its activations, widened to float16. */
function matrixBytes({ hyperparameters: { text, vision } }: Planned, tokens: number, visionTokens: number): number {
  const widest = Math.max(text.mlpWidth * text.width, vision.mlpWidth * vision.width);
  return 2 * (widest + Math.max(tokens * text.mlpWidth, visionTokens * vision.mlpWidth));
}

/** The context of one beam search: a prefix and the beams' answers of the default length, and what it computes in. */
function beamBytes(model: Planned, { contextTokens, cacheType }: Wanted): number {
  const cells = contextTokens + PLANNED_BEAMS * 100;
  return (
    cacheBytes(model, cells, cacheType) +
    computeBytes(model, contextTokens, 0) +
    2 * PLANNED_BEAMS * 4 * model.vocabulary
  );
}
