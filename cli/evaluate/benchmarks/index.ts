// All benchmarks, a line each.
import { invalid } from 'node-paligemma/support';
import type { Benchmark } from '../benchmark.js';
import { aokvqa } from './aokvqa.js';
import { chartqa } from './chartqa.js';
import { cocoCaptions } from './coco-captions.js';
import { cocoDetection } from './coco-detection.js';
import { custom } from './custom.js';
import { docvqa } from './docvqa.js';
import { emoji } from './emoji.js';
import { gqa } from './gqa.js';
import { infovqa } from './infovqa.js';
import { mmvp } from './mmvp.js';
import { nocaps } from './nocaps.js';
import { okvqa } from './okvqa.js';
import { pope } from './pope.js';
import { refcoco } from './refcoco.js';
import { scienceqa } from './scienceqa.js';
import { tallyqa } from './tallyqa.js';
import { textcaps } from './textcaps.js';
import { textvqa } from './textvqa.js';
import { vqav2 } from './vqav2.js';
import { xm3600 } from './xm3600.js';

export const benchmarks: readonly Benchmark[] = [
  emoji,
  scienceqa,
  mmvp,
  pope,
  gqa,
  vqav2,
  okvqa,
  aokvqa,
  textvqa,
  docvqa,
  infovqa,
  chartqa,
  tallyqa,
  cocoCaptions,
  nocaps,
  textcaps,
  xm3600,
  refcoco,
  cocoDetection,
  custom,
];

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT for a name that none has */
export function benchmarkOf(name: string): Benchmark {
  const found = benchmarks.find((one) => one.name === name);
  if (!found)
    throw invalid(`there is no benchmark ${name}: give one of ${benchmarks.map((one) => one.name).join(', ')}`);
  return found;
}
