export { type ErrorCode, PaliGemmaError } from './errors.js';
export type { ImageInput, RawImage } from './image.js';
export { modelInfo } from './info.js';
export { PaliGemma } from './paligemma.js';
export type {
  CaptionOptions,
  Device,
  GenerateRequest,
  Generation,
  GenerationStream,
  LoadedModelInfo,
  LoadOptions,
  ModelInfo,
  Timings,
  Trace,
} from './types.js';
export { type ConvertOptions, type ConvertReport, convert, type Progress, type WeightType } from './weights/convert.js';
