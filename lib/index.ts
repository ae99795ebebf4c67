export { type ErrorCode, PaliGemmaError } from './base/errors.js';
export type { BatchOptions, BatchSource } from './batch/entries.js';
export type {
  BatchAnswer,
  BatchError,
  BatchFailure,
  BatchItem,
  BatchQuestion,
  BatchRequest,
  BatchResult,
} from './batch/item.js';
export { type DeviceInfo, listDevices } from './engine/devices.js';
export { type SystemInfo, systemInfo } from './engine/system.js';
export { type CachedModel, cacheFolder, listCache, removeFromCache } from './hub/cache.js';
export { type DownloadOptions, download } from './hub/obtain.js';
export type { ImageAccess } from './image/access.js';
export type { ImageInput } from './image/input.js';
export type { ImageDataLike, RawImage } from './image/raw.js';
export type { FrameOptions, VideoInput } from './image/video.js';
export { modelInfo } from './models/info.js';
export type { PublishedModel } from './models/published.js';
export { PaliGemma } from './paligemma.js';
export type { Choice, MultipleChoice } from './tasks/choose.js';
export type { Detection } from './tasks/detect.js';
export { draw } from './tasks/draw.js';
export { type TaskName, tasks } from './tasks/index.js';
export type { JsonSchema } from './tasks/json-schema.js';
export type { Option, Options } from './tasks/option.js';
export { encodeMask, type Mask, type RunLength } from './tasks/rle.js';
export { type TaskSchema, taskSchema } from './tasks/schema.js';
export type { Segment } from './tasks/segment.js';
export type { Task } from './tasks/task.js';
export type {
  AnswerOptions,
  CaptionOptions,
  ChooseOptions,
  DetectOptions,
  Device,
  GenerateRequest,
  Generation,
  GenerationStream,
  LoadedModelInfo,
  LoadOptions,
  ModelFile,
  ModelInfo,
  Progress,
  Score,
  ScoreRequest,
  TaskOptions,
  TaskRun,
  TaskRunOptions,
  TaskStream,
  Timings,
  TokenLogprob,
  Trace,
  VideoOptions,
} from './types.js';
export { type ConvertOptions, type ConvertReport, convert } from './weights/convert.js';
export type { Quantization, VisionQuantization } from './weights/quantization.js';
export type { WrittenFile } from './weights/write-model.js';
