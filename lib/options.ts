// Checks and defaults of what callers pass, in one place; everything behind it takes valid values for granted.
import { checkFunction, checkSignal, flag, invalid, number, object, oneOf, text, texts, whole } from './check.js';
import { defaultCacheType, defaultContext, type Planned } from './engine/plan.js';
import { computeThreads } from './engine/processors.js';
import { PaliGemmaError, show } from './errors.js';
import type { ImageAccess } from './image/access.js';
import type { ImageInput } from './image.js';
import type { MultipleChoice } from './tasks/choose.js';
import type { CaptionOptions, DetectOptions, GenerateRequest, LoadOptions } from './types.js';
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
  if (typeof request.prompt !== 'string') throw invalid(`prompt must be a string, not ${show(request.prompt)}`);
  checkSignal(request.signal);
  return {
    prompt: request.prompt,
    images: images(request.images ?? []),
    maxTokens: whole('maxTokens', request.maxTokens ?? 100, 1, 1 << 20),
    temperature: temperature(request.temperature ?? 0),
    topK: request.topK === undefined ? 0 : whole('topK', request.topK, 1, 1 << 24),
    topP: number('topP', request.topP ?? 1, 0, 1),
    seed: whole('seed', request.seed ?? Math.floor(Math.random() * MAX_SEED), 0, MAX_SEED),
    numBeams: beams(request),
    lengthPenalty: number('lengthPenalty', request.lengthPenalty ?? 1, -10, 10),
    stop: texts('stop', request.stop ?? []),
    locations: flag('locations', request.locations ?? true),
    ...(request.logprobs === undefined ? {} : { logprobs: whole('logprobs', request.logprobs, 0, 100) }),
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

/** llama.cpp takes the largest 32-bit number as "any seed". */
const MAX_SEED = 2 ** 32 - 2;

/** Below a thousandth the division overflows, and nothing but the best token could come anyway. */
function temperature(value: unknown): number {
  const checked = number('temperature', value, 0, 100);
  return checked < 1e-3 ? 0 : checked;
}

function beams({ numBeams = 1, temperature = 0, logprobs }: GenerateRequest): number {
  whole('numBeams', numBeams, 1, 32);
  if (numBeams > 1 && (temperature > 0 || logprobs !== undefined))
    throw invalid(
      'numBeams above 1 goes with neither temperature nor logprobs: beam search follows the most probable sequences',
    );
  return numBeams;
}

/** The labels of a detection: an array, or a text with `;` between them. */
export function labelList(labels: string | string[]): string[] {
  const list = typeof labels === 'string' ? labels.split(';') : labels;
  if (!Array.isArray(list) || !list.every((label) => typeof label === 'string'))
    throw invalid(`labels must be a text or an array of texts, not ${show(labels)}`);
  const trimmed = list.map((label) => label.trim()).filter((label) => label !== '');
  if (trimmed.length === 0) throw invalid('labels must name at least one thing to look for');
  const odd = trimmed.find((label) => /[;<>\n]/.test(label));
  if (odd !== undefined) throw invalid(`a label must not contain ";", "<", ">" or a line break, as ${show(odd)} does`);
  return trimmed;
}

export function constrained(options: DetectOptions): boolean {
  object('options', options);
  checkSignal(options.signal);
  return flag('constrained', options.constrained ?? true);
}

export function multipleChoice(question: MultipleChoice): void {
  object('the question', question);
  text('question', question.question);
  texts('choices', question.choices);
  if (question.choices.length < 2 || question.choices.length > 26)
    throw invalid(`choices must be two to twenty-six texts, not ${question.choices.length}`);
  if (question.context !== undefined && typeof question.context !== 'string')
    throw invalid(`context must be a text, not ${show(question.context)}`);
}

function images(value: unknown): ImageInput[] {
  if (Array.isArray(value)) return value;
  throw invalid(`images must be an array, not ${show(value)}`);
}

export function captionLanguage(options: CaptionOptions): string {
  object('options', options);
  checkSignal(options.signal);
  const language = options.language ?? 'en';
  if (typeof language === 'string' && /^[a-z]{2,3}(-[a-z0-9]+)*$/i.test(language)) return language;
  throw invalid(`language must be a language code such as "en", not ${show(language)}`);
}
