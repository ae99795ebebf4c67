import { describeModel } from '../engine/describe.js';
import { cacheBytes, defaultCacheType, defaultContext, planCpu } from '../engine/plan.js';
import type { LoadOptions, ModelInfo } from '../types.js';
import { givenModel, loadOptions } from './options.js';
import { openPresentModel } from './source.js';

/**
 * What a model holds and how much memory it takes, read from the files' headers without loading weights.
 * @param model a model folder, or a checkpoint or hub id that is in the cache; `embedded`, or nothing at all: the embedded emoji model
 * @param options which form of it, as `load` takes them: `quantization`, `revision`, `adapter`, ..., `cacheDir`
 * @throws PaliGemmaError ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL, ERR_UNSUPPORTED_MODEL or ERR_INVALID_ARGUMENT
 */
export async function modelInfo(): Promise<ModelInfo>;
export async function modelInfo(model: string, options?: LoadOptions): Promise<ModelInfo>;
export async function modelInfo(...given: [model?: string, options?: LoadOptions]): Promise<ModelInfo> {
  const [model, options] = givenModel('modelInfo', given);
  loadOptions(model, options);
  const opened = await openPresentModel(model, options);
  const info = describeModel(opened);
  const contextTokens = defaultContext(info.imageTokens, opened.hyperparameters.text.contextLength);
  const cacheType = defaultCacheType(opened);
  const { maxSequences } = planCpu(opened, { contextTokens, cacheType, maxSequences: undefined });
  const cache = maxSequences * cacheBytes(opened, contextTokens, cacheType);
  return { ...info, contextTokens, memory: { weights: opened.weightBytes, cache } };
}
