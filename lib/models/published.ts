// What there is to load: the checkpoints that Google published.
import { type ImageSize, PUBLISHED_VOCABULARY, type PublishedSize, publishedShape } from '../checkpoint/published.js';
import { cpuBytes, defaultCacheType, defaultContext } from '../engine/plan.js';
import { estimate } from '../weights/estimate.js';
import { defaultVision, QUANTIZATIONS, type Quantization } from '../weights/quantization.js';

/** A checkpoint on the hub, and what it takes once converted. */
export interface PublishedModel {
  /** Hub id, as `load` takes it. */
  id: string;
  architecture: 'paligemma' | 'paligemma2';
  /** `mix`: many tasks, to be used as it is; `pt`: to be fine-tuned; `ft`: fine-tuned for one task. */
  kind: 'pt' | 'mix' | 'ft';
  /** Pixels on each side of what the vision tower sees. */
  imageSize: number;
  /** Tokens that one image takes. */
  imageTokens: number;
  parameters: number;
  /**
   * Estimates in bytes, by type of the text model with the vision type that goes with it: `disk` of the converted files,
   * `memory` of weights, keys and values, and computation on a processor with the default options.
   */
  sizes: Record<Quantization, { disk: number; memory: number }>;
  licence: string;
  /** The licence's text. */
  licenceUrl: string;
  /** Its page on the hub, where the licence is accepted. */
  page: string;
}

/** Those of PaliGemma 1 that were fine-tuned for one task: some of many. */
const FINE_TUNED: [task: string, ...ImageSize[]][] = [
  ['cococap', 448],
  ['docvqa', 896],
  ['nlvr2', 448],
  ['refcoco-seg', 896],
  ['rsvqa-hr', 224],
  ['scienceqa', 224],
  ['vqav2', 224, 448],
];

interface Entry {
  name: string;
  kind: PublishedModel['kind'];
  size: PublishedSize;
  imageSize: ImageSize;
}

function entries(): Entry[] {
  const some = (family: string, kind: Entry['kind'], size: PublishedSize, imageSizes: ImageSize[]): Entry[] =>
    imageSizes.map((imageSize) => ({ name: `${family}-${imageSize}`, kind, size, imageSize }));
  return [
    ...some('paligemma-3b-mix', 'mix', '3b', [224, 448]),
    ...some('paligemma-3b-pt', 'pt', '3b', [224, 448, 896]),
    ...FINE_TUNED.flatMap(([task, ...sizes]) => some(`paligemma-3b-ft-${task}`, 'ft', '3b', sizes)),
    ...(['3b', '10b', '28b'] as const).flatMap((size) => [
      ...some(`paligemma2-${size}-mix`, 'mix', `pg2-${size}`, [224, 448]),
      ...some(`paligemma2-${size}-pt`, 'pt', `pg2-${size}`, [224, 448, 896]),
    ]),
    ...(['3b', '10b'] as const).flatMap((size) => some(`paligemma2-${size}-ft-docci`, 'ft', `pg2-${size}`, [448])),
  ];
}

/** By shape: many checkpoints share one. */
const measured = new Map<string, Pick<PublishedModel, 'parameters' | 'sizes'>>();

/** See `PaliGemma.models`. */
export function publishedModels(): PublishedModel[] {
  return entries().map(({ name, kind, size, imageSize }) => {
    const shape = `${size}-${imageSize}`;
    const { parameters, sizes } = measured.get(shape) ?? measure(size, imageSize);
    measured.set(shape, { parameters, sizes });
    return {
      id: `google/${name}`,
      architecture: size === '3b' ? 'paligemma' : 'paligemma2',
      kind,
      imageSize,
      imageTokens: (imageSize / 14) ** 2,
      parameters,
      sizes: structuredClone(sizes),
      licence: 'gemma',
      licenceUrl: 'https://ai.google.dev/gemma/terms',
      page: `https://huggingface.co/google/${name}`,
    };
  });
}

function measure(size: PublishedSize, imageSize: ImageSize): Pick<PublishedModel, 'parameters' | 'sizes'> {
  const shape = publishedShape(size, imageSize);
  const all = QUANTIZATIONS.map((type) => estimate(shape, PUBLISHED_VOCABULARY, type, defaultVision(type)));
  const contextTokens = defaultContext((imageSize / shape.vision.patchSize) ** 2, shape.text.contextLength);
  const sizes = all.map((model) => {
    const wanted = { contextTokens, cacheType: defaultCacheType(model), maxSequences: undefined };
    return [model.textType, { disk: Math.round(model.fileBytes), memory: Math.round(cpuBytes(model, wanted)) }];
  });
  return { parameters: all[0]?.parameters ?? 0, sizes: Object.fromEntries(sizes) };
}
