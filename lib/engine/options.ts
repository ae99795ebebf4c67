// Checks and defaults of what an engine is given, in one place; everything behind it takes valid values for granted.
import { checkSignal, invalid, number, object, oneOf, whole } from '../base/check.js';
import { PaliGemmaError, show } from '../base/errors.js';
import type { ImageInput } from '../image/input.js';
import { generate } from '../tasks/generate.js';
import { checkOptions, type OptionsOf } from '../tasks/option.js';
import { MAX_SEED } from '../tasks/sampling.js';
import type { GenerateRequest, LoadOptions } from '../types.js';
import type { Planned } from '../weights/model-folder.js';
import { defaultCacheType, defaultContext } from './plan.js';
import { computeThreads } from './processors.js';

const MOST_TOKENS = 1 << 20;

/** What can be told of the engine's options without the model: before anything is fetched or opened. */
export function checkEngineOptions({
  threads,
  contextTokens,
  maxSequences,
  cacheType,
  featureCache,
}: LoadOptions): void {
  if (threads !== undefined) whole('threads', threads, 1, 512);
  if (contextTokens !== undefined) whole('contextTokens', contextTokens, 1, MOST_TOKENS);
  if (maxSequences !== undefined) whole('maxSequences', maxSequences, 1, 256);
  if (cacheType !== undefined) oneOf('cacheType', cacheType, ['f16', 'f32']);
  if (featureCache !== undefined) number('featureCache', featureCache, 0, 1 << 20);
}

/** What the engine needs to know beyond the files, the device's share apart. */
export function engineOptions(model: Pick<Planned, 'hyperparameters' | 'textType'>, options: LoadOptions) {
  const { imageSize, patchSize } = model.hyperparameters.vision;
  const imageTokens = (imageSize / patchSize) ** 2;
  const context = options.contextTokens ?? defaultContext(imageTokens, model.hyperparameters.text.contextLength);
  return {
    threads: options.threads ?? computeThreads(),
    contextTokens: whole('contextTokens', context, imageTokens + 2, MOST_TOKENS),
    maxSequences: options.maxSequences,
    cacheType: options.cacheType ?? defaultCacheType(model),
    featureCacheBytes: (options.featureCache ?? 64) * 1e6,
  };
}

/** A request with all defaults, without its images. */
export function generateRequest(request: GenerateRequest) {
  object('the request', request);
  checkSignal(request.signal);
  const { prompt } = checkOptions(generate.options, request, 'the request');
  const chosen = checkOptions(generate.sampling, request, 'the request');
  return {
    prompt,
    images: images(request.images ?? []),
    maxTokens: chosen.maxTokens ?? 100,
    temperature: temperature(chosen.temperature ?? 0),
    topK: chosen.topK ?? 0,
    topP: chosen.topP ?? 1,
    seed: chosen.seed ?? Math.floor(Math.random() * MAX_SEED),
    numBeams: beams(chosen),
    lengthPenalty: chosen.lengthPenalty ?? 1,
    stop: chosen.stop ?? [],
    locations: chosen.locations ?? true,
    ...(chosen.logprobs === undefined ? {} : { logprobs: chosen.logprobs }),
  };
}

/** Turns away what could not fit before it is tokenised: no token of Gemma is longer than 64 characters. */
export function checkLength(prompt: string, contextTokens: number): void {
  if (prompt.length > contextTokens * 64)
    throw new PaliGemmaError(
      'ERR_PROMPT_TOO_LONG',
      `the prompt has ${prompt.length} characters, the context holds ${contextTokens} tokens: shorten the prompt, or load with a larger contextTokens`,
    );
}

/** Below a thousandth the division overflows, and nothing but the best token could come anyway. */
const temperature = (value: number): number => (value < 1e-3 ? 0 : value);

function beams({ numBeams = 1, temperature = 0, logprobs }: OptionsOf<typeof generate.sampling>): number {
  if (numBeams > 1 && (temperature > 0 || logprobs !== undefined))
    throw invalid(
      'numBeams above 1 goes with neither temperature nor logprobs: beam search follows the most probable sequences',
    );
  return numBeams;
}

function images(value: unknown): ImageInput[] {
  if (Array.isArray(value)) return value;
  throw invalid(`images must be an array, not ${show(value)}`);
}
