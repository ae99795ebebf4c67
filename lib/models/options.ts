// Checks of what callers say of a model, before anything is opened.
import { flag, invalid, object, text, texts, whole } from '../base/check.js';
import { show } from '../base/errors.js';
import { checkEngineOptions } from '../engine/options.js';
import { sourceOptions } from '../hub/options.js';
import type { ImageAccess } from '../image/access.js';
import type { LoadOptions } from '../types.js';

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

const EMBEDDED_WARNING =
  "no model was given: using the embedded paligemma-emoji-112, which knows drawn emoji scenes only; load('embedded') means it";

/** What is said when no model was given. */
export function warnOfEmbedded(): void {
  process.emitWarning(EMBEDDED_WARNING, { type: 'PaliGemma', code: 'PALIGEMMA_EMBEDDED_MODEL' });
}

/** Whether options are sound as far as that can be told without the model. @throws PaliGemmaError ERR_INVALID_ARGUMENT */
export function loadOptions(model: string | undefined, options: LoadOptions): void {
  sourceOptions(model, options);
  checkEngineOptions(options);
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
