/**
 * `paligemma/metrics`: the scores of published benchmarks as pure functions, each by the rules of its reference.
 * @packageDocumentation
 */

export { anls } from './anls.js';
export { type Cider, type CiderItem, cider } from './cider.js';
export { pairAccuracy } from './pairs.js';
export { type PopeScores, popeScores } from './pope.js';
export { relaxedAccuracy } from './relaxed.js';
export { scienceQaAnswer } from './scienceqa.js';
export { type DecodeMasks, type SegmentationScore, type SegmentationTruth, segmentationScore } from './segmentation.js';
export { softAccuracy } from './soft.js';
export { numeral } from './tally.js';
export { tokenizeCaption } from './tokenize.js';
export { vqaAccuracy } from './vqa.js';
