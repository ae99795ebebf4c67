// Checks and defaults of what callers pass, in one place; everything behind it takes valid values for granted.
import os from 'node:os';
import { PaliGemmaError, show } from './errors.js';
import type { ImageInput } from './image.js';
import type { CaptionOptions, GenerateRequest, LoadOptions } from './types.js';
import type { ModelFolder } from './weights/model-folder.js';

const invalid = (message: string) => new PaliGemmaError('ERR_INVALID_ARGUMENT', message);

function object(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw invalid(`${name} must be an object, not ${show(value)}`);
}

function whole(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(`${name} must be a whole number from ${least} to ${most}, not ${show(value)}`);
}

function number(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw invalid(`${name} must be a number from ${least} to ${most}, not ${show(value)}`);
}

function oneOf<T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  if (allowed.includes(value as T)) return value as T;
  throw invalid(`${name} must be one of ${allowed.join(', ')}, not ${show(value)}`);
}

function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalid(`signal must be an AbortSignal, not ${show(signal)}`);
}

function checkFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function')
    throw invalid(`${name} must be a function, not ${show(value)}`);
}

export function loadOptions(model: string | undefined, options: LoadOptions): void {
  if (model !== undefined && (typeof model !== 'string' || model === ''))
    throw invalid(`model must be the path of a model folder, not ${show(model)}`);
  object('options', options);
  checkSignal(options.signal);
  checkFunction('onProgress', options.onProgress);
  if (options.device !== undefined && options.device !== 'auto' && options.device !== 'cpu')
    throw new PaliGemmaError(
      'ERR_DEVICE_UNAVAILABLE',
      `device ${show(options.device)} is not in this build; present: cpu`,
    );
}

/** What the engine needs to know beyond the files. */
export function engineOptions(model: ModelFolder, options: LoadOptions) {
  const { imageSize, patchSize } = model.hyperparameters.vision;
  const imageTokens = (imageSize / patchSize) ** 2;
  return {
    threads: whole('threads', options.threads ?? os.availableParallelism(), 1, 512),
    contextTokens: whole(
      'contextTokens',
      options.contextTokens ?? defaultContext(imageTokens, model.hyperparameters.text.contextLength),
      imageTokens + 2,
      1 << 20,
    ),
    maxSequences: whole('maxSequences', options.maxSequences ?? 1, 1, 256),
    cacheType: oneOf('cacheType', options.cacheType ?? (model.textType === 'f32' ? 'f32' : 'f16'), ['f16', 'f32']),
  };
}

export const defaultContext = (imageTokens: number, trained: number): number =>
  Math.max(Math.min(8 * imageTokens + 512, trained), imageTokens + 512);

/** A request with all defaults, without its images. */
export function generateRequest(request: GenerateRequest) {
  object('the request', request);
  if (typeof request.prompt !== 'string') throw invalid(`prompt must be a string, not ${show(request.prompt)}`);
  checkSignal(request.signal);
  return {
    prompt: request.prompt,
    images: images(request.images ?? []),
    maxTokens: whole('maxTokens', request.maxTokens ?? 100, 1, 1 << 20),
    temperature: number('temperature', request.temperature ?? 0, 0, 100),
    topK: request.topK === undefined ? 0 : whole('topK', request.topK, 1, 1 << 24),
    topP: number('topP', request.topP ?? 1, 0, 1),
    seed: whole('seed', request.seed ?? Math.floor(Math.random() * 2 ** 32), 0, 2 ** 32 - 1),
  };
}

function images(value: unknown): ImageInput[] {
  if (Array.isArray(value)) return value;
  throw invalid(`images must be an array, not ${show(value)}`);
}

export function captionLanguage(options: CaptionOptions): string {
  object('options', options);
  const language = options.language ?? 'en';
  if (typeof language === 'string' && /^[a-z]{2,3}(-[a-z0-9]+)*$/i.test(language)) return language;
  throw invalid(`language must be a language code such as "en", not ${show(language)}`);
}
