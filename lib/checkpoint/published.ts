// The shapes of the models that Google published: arXiv 2407.07726, 2412.03555.
import { type Hyperparameters, SIGLIP_EPSILON, TEXT_CONSTANTS } from './config.js';

/** [layers, width, MLP width, heads, key/value heads, head size, what queries are scaled by the root of] */
const SIZES = {
  '3b': [18, 2048, 16384, 8, 1, 256],
  'pg2-3b': [26, 2304, 9216, 8, 4, 256, 256],
  'pg2-10b': [42, 3584, 14336, 16, 8, 256, 256],
  'pg2-28b': [46, 4608, 36864, 32, 16, 128, 144],
} as const;

export type PublishedSize = keyof typeof SIZES;
export const PUBLISHED_SIZES = Object.keys(SIZES) as PublishedSize[];

export const IMAGE_SIZES = [224, 448, 896] as const;
export type ImageSize = (typeof IMAGE_SIZES)[number];

/** Rows of the embedding table. */
export const PUBLISHED_VOCABULARY = 257216;

/** @param imageSize pixels on each side */
export function publishedShape(size: PublishedSize, imageSize: ImageSize): Hyperparameters {
  const [layers, width, mlpWidth, heads, keyValueHeads, headSize, queryScalar] = SIZES[size];
  return {
    architecture: queryScalar === undefined ? 'gemma' : 'gemma2',
    imageToken: PUBLISHED_VOCABULARY - 64,
    bosToken: 2,
    eosToken: 1,
    padToken: 0,
    text: {
      ...{ layers, width, mlpWidth, heads, keyValueHeads, headSize },
      ...TEXT_CONSTANTS.common,
      ...(queryScalar === undefined
        ? {}
        : { gemma2: { ...TEXT_CONSTANTS.gemma2, attentionScale: queryScalar ** -0.5 } }),
    },
    vision: {
      ...{ width: 1152, layers: 27, heads: 16, mlpWidth: 4304 },
      ...{ imageSize, patchSize: 14, normEpsilon: SIGLIP_EPSILON },
    },
  };
}
