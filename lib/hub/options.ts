import { checkFunction, checkSignal, flag, invalid, object, oneOf, text } from '../base/check.js';
import { show } from '../base/errors.js';
import type { LoadOptions } from '../types.js';
import { QUANTIZATIONS, VISION_QUANTIZATIONS } from '../weights/quantization.js';

/** What says which model is meant and which form of it, checked. */
export function sourceOptions(model: string | undefined, options: LoadOptions): void {
  if (model !== undefined && (typeof model !== 'string' || model === ''))
    throw invalid(`model must be a path or a hub id, not ${show(model)}`);
  object('options', options);
  checkSignal(options.signal);
  checkFunction('onProgress', options.onProgress);
  checkFunction('onNotice', options.onNotice);
  if (options.quantization !== undefined) oneOf('quantization', options.quantization, [...QUANTIZATIONS, 'auto']);
  if (options.visionQuantization !== undefined)
    oneOf('visionQuantization', options.visionQuantization, VISION_QUANTIZATIONS);
  if (options.localFilesOnly !== undefined) flag('localFilesOnly', options.localFilesOnly);
  for (const name of ['maskDecoder', 'adapter', 'tokenizer', 'revision', 'token', 'cacheDir'] as const)
    if (options[name] !== undefined) text(name, options[name]);
}
