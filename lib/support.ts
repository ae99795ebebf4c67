/**
 * `node-paligemma/support`: parts for programs around the library (a command line, a server, a job over a folder), so that nobody
 * writes them a second time. An application needs none of them. They change with any version: depend on one version alone.
 * @packageDocumentation
 */

export type { ProcessorPeaks } from './addon/native.js';
export { holdTo, INSTRUCTION_SETS, measurePeaks } from './addon/processor.js';
export { invalid, number, whole } from './base/check.js';
export { type Deferred, deferred } from './base/deferred.js';
export { ERROR_CODES, reasonOf, show } from './base/errors.js';
export { describeHolder, type Holder } from './base/holder.js';
export { parseJson } from './base/json.js';
export { isHeld, type Lock, tryLock } from './base/lock.js';
export { move } from './base/move.js';
export { checkRequest, describe, ownQuestion, resultOf, Withdrawn } from './batch/ask.js';
export { type Numbered, numbered } from './batch/entries.js';
export {
  FILES,
  heldBytes,
  imagePath,
  isUnusable,
  isUrl,
  itemId,
  keyOf,
  type Outcome,
  type SampleFiles,
  type Unusable,
} from './batch/item.js';
export { type RunOptions, run } from './batch/run.js';
export { isGivenUp } from './engine/isolated/isolated-engine.js';
export { logprobOf } from './engine/run-task.js';
export { isHubId } from './hub/hub.js';
export { hubToken } from './hub/token.js';
export { Access } from './image/access.js';
export { isDataUrl, readDataUrl } from './image/data-url.js';
export { FORMATS } from './image/decode.js';
export { MAX_SIDE } from './image/decoded.js';
export { FETCH_LIMIT_BYTES, type FetchOptions, fetchBytes, TransientFailure } from './image/fetch-bytes.js';
export { filePath } from './image/locate.js';
export { videoFrames } from './image/video.js';
export { loadOptions as checkLoadOptions } from './models/options.js';
export { ANSWER_FIELDS, allOptions, allTasks, TASK_NAMES, taskOf } from './tasks/index.js';
export { checkOption } from './tasks/option.js';
export { sampling } from './tasks/sampling.js';
export { QUANTIZATIONS, VISION_QUANTIZATIONS } from './weights/quantization.js';
export { writeRandomModel } from './weights/random-model.js';
