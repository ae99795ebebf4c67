import { openModel } from './model-source.js';
import { defaultContext, loadOptions } from './options.js';
import type { ModelInfo } from './types.js';
import type { ModelFolder } from './weights/model-folder.js';

/**
 * What a model folder holds and how much memory it takes, read from the files' headers without loading weights.
 * @param model a model folder; none: the embedded emoji model
 */
export async function modelInfo(model?: string): Promise<ModelInfo> {
  loadOptions(model, {});
  const opened = await openModel(model);
  const { text } = opened.hyperparameters;
  const info = describeModel(opened);
  const contextTokens = defaultContext(info.imageTokens, text.contextLength);
  const valueBytes = opened.textType === 'f32' ? 4 : 2;
  const cache = 2 * text.layers * text.keyValueHeads * text.headSize * contextTokens * valueBytes;
  return { ...info, contextTokens, memory: { weights: opened.weightBytes, cache } };
}

/** The part that does not depend on how the model is loaded. */
export function describeModel(model: ModelFolder & { embedded: boolean }): Omit<ModelInfo, 'contextTokens' | 'memory'> {
  const { architecture, text, vision } = model.hyperparameters;
  return {
    path: model.folder,
    name: model.name,
    embedded: model.embedded,
    architecture: architecture === 'gemma' ? 'paligemma' : 'paligemma2',
    imageSize: vision.imageSize,
    imageTokens: (vision.imageSize / vision.patchSize) ** 2,
    width: text.width,
    layers: text.layers,
    vocabulary: model.vocabulary,
    parameters: model.parameters,
    quantization: model.textType,
    visionQuantization: model.visionType,
    licence: model.licence,
    maskDecoder: model.maskDecoder,
  };
}
