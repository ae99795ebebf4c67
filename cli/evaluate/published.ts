// Scores that were published, in the forms in which they come.
import type { Published } from './benchmark.js';

type More = Pick<Published, 'of' | 'note'>;

const byResolution =
  (model: string) =>
  (values: Record<number, number>, more: More = {}): Published[] =>
    Object.entries(values).map(([resolution, value]) => ({ model, resolution: Number(resolution), value, ...more }));

/** PaliGemma 3B fine-tuned for the one task, by pixels on a side. */
export const fineTuned = byResolution('PaliGemma 3B, fine-tuned');

export const mix = byResolution('PaliGemma 3B mix');

/** PaliGemma 2 fine-tuned for the one task, by pixels on a side: 3B, 10B and 28B. */
export const second = (values: Record<number, [number, number, number]>, more: More = {}): Published[] =>
  Object.entries(values).flatMap(([resolution, sizes]) =>
    ['3B', '10B', '28B'].map((size, i) => ({
      model: `PaliGemma 2 ${size}, fine-tuned`,
      resolution: Number(resolution),
      value: sizes[i] as number,
      ...more,
    })),
  );

export const TEST_SERVER: More = { note: "on the owner's test server" };
