import type { ModelInfo } from '../types.js';
import type { OpenedModel } from '../weights/model-folder.js';

/** The part of a model's information that does not depend on how the model is loaded. */
export function describeModel(model: OpenedModel): Omit<ModelInfo, 'contextTokens' | 'memory'> {
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
    files: model.files,
    maskDecoder: model.maskDecoder,
  };
}
