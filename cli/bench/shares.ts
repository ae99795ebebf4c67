// How much of what a processor can do is reached. Counted are the products with weights: attention's own are a few percent at
// 224 pixels, and are left out.
import type { LoadedModelInfo, ModelFile } from 'node-paligemma';
import type { ProcessorPeaks } from 'node-paligemma/support';

/** Of the processor's peak: 0 to 1. */
export interface Shares {
  /** Of products in the type that the file's weights are multiplied in. */
  vision: number;
  prefix: number;
  /** Of reading: each token takes every weight of the text model once. */
  token: number;
}

/** Milliseconds in `times`; `tokens` of the prefix. */
export function sharesOf(
  info: LoadedModelInfo,
  peaks: ProcessorPeaks,
  times: { vision: number; prefill: number; token: number },
  tokens: number,
): Shares {
  const [text, vision] = info.files as [ModelFile, ModelFile];
  const head = info.vocabulary * info.width; // for the last position only
  const prefixProducts = 2 * ((text.parameters - head) * tokens + head);
  return {
    vision: (2 * vision.parameters * info.imageTokens) / peakOf(info.visionQuantization, peaks) / (times.vision / 1000),
    prefix: prefixProducts / peakOf(info.quantization, peaks) / (times.prefill / 1000),
    token: text.bytes / peaks.reading / (times.token / 1000),
  };
}

/** A product of these types is so many of the tile unit's: see native/kernels/tiles.h. */
const TILE_PRODUCTS: Record<string, number> = { f16: 4, bf16: 2 };

/** Operations a second of the products that weights of this type go through: see native/kernels. */
export function peakOf(type: string, { float32, int8, tiles }: ProcessorPeaks): number {
  if (type === 'f32') return float32;
  if (tiles > 0) return tiles / (TILE_PRODUCTS[type] ?? 1);
  return type.startsWith('q') && int8 > 0 ? int8 : float32;
}
