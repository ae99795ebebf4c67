// Checks and defaults of what callers pass, in one place; everything behind it takes valid values for granted.
import { checkFunction, checkSignal, flag, invalid, number, object, oneOf, text, texts, whole } from './check.js';
import { defaultCacheType, defaultContext, type Planned } from './engine/plan.js';
import { computeThreads } from './engine/processors.js';
import { PaliGemmaError, show } from './errors.js';
import type { ImageAccess } from './image/access.js';
import type { ImageInput } from './image.js';
import { generate } from './tasks/generate.js';
import { checkOptions, type OptionsOf } from './tasks/option.js';
import { MAX_SEED } from './tasks/sampling.js';
import type { GenerateRequest, LoadOptions } from './types.js';
import { QUANTIZATIONS, VISION_QUANTIZATIONS } from './weights/quantization.js';

/** What a call that takes a model and options was given. Without a model the embedded one is meant; `undefined` is none. */
export function givenModel(
  call: string,
  given: [model?: string, options?: LoadOptions],
): [string | undefined, LoadOptions] {
  const [model, options = {}] = given;
  if (given.length > 0 && (typeof model !== 'string' || model === ''))
    throw invalid(
      `model must be a path or a hub id, not ${show(model)}: the model that comes with the package is ${call}('embedded')`,
    );
  return [model, options];
}

export function loadOptions(model: string | undefined, options: LoadOptions): void {
  sourceOptions(model, options);
  if (options.isolated !== undefined) flag('isolated', options.isolated);
  if (options.device !== undefined) device('device', options.device, true);
  if (options.devices !== undefined) {
    if (options.device !== undefined) throw invalid('give device or devices, not both');
    for (const name of texts('devices', options.devices)) device('devices', name, false);
    if (options.devices.length === 0) throw invalid('devices must name at least one');
  }
  if (options.imageAccess !== undefined) imageAccess(options.imageAccess);
}

/** A name that is none would leave open what was to be closed. */
function imageAccess(access: ImageAccess): void {
  object('imageAccess', access);
  const { root, maxBytes, publicUrlsOnly, ...others } = access;
  const [odd] = Object.keys(others);
  if (odd !== undefined) throw invalid(`imageAccess has root, maxBytes and publicUrlsOnly, not ${show(odd)}`);
  if (root !== undefined) text('imageAccess.root', root);
  if (maxBytes !== undefined) whole('imageAccess.maxBytes', maxBytes, 1, Number.MAX_SAFE_INTEGER);
  if (publicUrlsOnly !== undefined) flag('imageAccess.publicUrlsOnly', publicUrlsOnly);
}

function device(option: string, value: unknown, auto: boolean): void {
  if (typeof value === 'string' && (/^(cpu|(cuda|vulkan|metal)(:\d{1,3})?)$/.test(value) || (auto && value === 'auto')))
    return;
  throw invalid(
    `${option} must name cpu, cuda, cuda:1, metal or vulkan${auto ? ', or be auto' : ''}, not ${show(value)}`,
  );
}

/** What says which model is meant and which form of it. */
export function sourceOptions(model: string | undefined, options: LoadOptions): void {
  if (model !== undefined && (typeof model !== 'string' || model === ''))
    throw invalid(`model must be a path or a hub id, not ${show(model)}`);
  object('options', options);
  checkSignal(options.signal);
  checkFunction('onProgress', options.onProgress);
  if (options.quantization !== undefined) oneOf('quantization', options.quantization, [...QUANTIZATIONS, 'auto']);
  if (options.visionQuantization !== undefined)
    oneOf('visionQuantization', options.visionQuantization, VISION_QUANTIZATIONS);
  if (options.localFilesOnly !== undefined) flag('localFilesOnly', options.localFilesOnly);
  for (const name of ['maskDecoder', 'adapter', 'tokenizer', 'revision', 'token', 'cacheDir'] as const)
    if (options[name] !== undefined) text(name, options[name]);
}

/** What the engine needs to know beyond the files, the device's share apart. */
export function engineOptions(model: Pick<Planned, 'hyperparameters' | 'textType'>, options: LoadOptions) {
  const { imageSize, patchSize } = model.hyperparameters.vision;
  const imageTokens = (imageSize / patchSize) ** 2;
  const { maxSequences } = options;
  return {
    threads: whole('threads', options.threads ?? computeThreads(), 1, 512),
    contextTokens: whole(
      'contextTokens',
      options.contextTokens ?? defaultContext(imageTokens, model.hyperparameters.text.contextLength),
      imageTokens + 2,
      1 << 20,
    ),
    maxSequences: maxSequences === undefined ? undefined : whole('maxSequences', maxSequences, 1, 256),
    cacheType: oneOf('cacheType', options.cacheType ?? defaultCacheType(model), ['f16', 'f32']),
    featureCacheBytes: number('featureCache', options.featureCache ?? 64, 0, 1 << 20) * 1e6,
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
