/**
 * `node-paligemma/support`: parts for programs around the library (a command line, a server, a job over a folder), so that nobody
 * writes them a second time. An application needs none of them. They change with any version: depend on one version alone.
 * @packageDocumentation
 */
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
export { invalid, number, whole } from './check.js';
export { type Deferred, deferred } from './engine/deferred.js';
export { isGivenUp } from './engine/isolated/isolated-engine.js';
export { ERROR_CODES, reasonOf, show } from './errors.js';
export { FETCH_LIMIT_BYTES, type FetchOptions, fetchBytes, TransientFailure } from './fetch-bytes.js';
export { describeHolder, type Holder } from './holder.js';
export { Access } from './image/access.js';
export { isDataUrl, readDataUrl } from './image/data-url.js';
export { filePath } from './image/locate.js';
export { FORMATS, MAX_SIDE } from './image.js';
export { parseJson } from './json.js';
export { isHeld, type Lock, tryLock } from './lock.js';
export { allOptions, allTasks, TASK_NAMES, taskOf } from './tasks/index.js';
export { checkOption } from './tasks/option.js';
export { sampling } from './tasks/sampling.js';
export { QUANTIZATIONS, VISION_QUANTIZATIONS } from './weights/quantization.js';
export { writeRandomModel } from './weights/random-model.js';
