import { native } from '../addon/native.js';
import { invalid, whole } from '../base/check.js';
import { show } from '../base/errors.js';
import { type Detection, toDetection } from './detect.js';
import { joined, OBJECTS, type ParsedObject, parseObjects } from './objects.js';
import { encodeOwnMask, type Mask } from './rle.js';
import { drawing } from './sampling.js';
import { type Size, task } from './task.js';
import { constrained, labelList, labels } from './words.js';

/** A detection with the shape of its object. */
export interface Segment extends Detection {
  /** 0 or 255 for every pixel of the original picture, row by row. Null where the model has no mask decoder. */
  mask: Mask | null;
}

/** Pixels on each side of a decoded mask. */
export const MASK_SIZE = 64;

/**
 * Lays a decoded mask into its box: opacity `clip(value / 2 + 0.5, 0, 1)`, resized bilinearly, cut at one half; zero outside.
 * Works on another thread.
 * @param values the decoder's output, `[64, 64]`
 */
export async function toSegment(
  object: ParsedObject,
  values: Float32Array,
  width: number,
  height: number,
): Promise<Segment & { mask: Mask }> {
  const [top, left, bottom, right] = [
    roundHalfEven(object.ymin * height),
    roundHalfEven(object.xmin * width),
    roundHalfEven(object.ymax * height),
    roundHalfEven(object.xmax * width),
  ] as const;
  const [across, down] = [right - left, bottom - top];
  const data =
    across > 0 && down > 0
      ? await native().layMask(values.map(opacity), MASK_SIZE, [left, top, across, down], width, height)
      : new Uint8Array(width * height);
  return { ...toDetection(object, width, height), mask: { data, width, height } };
}

const opacity = (value: number) => Math.min(Math.max(value / 2 + 0.5, 0), 1);

/** Python's `round`, which the reference places masks with: a half goes to the even neighbour. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Codes of masks as a caller gives them. @throws PaliGemmaError ERR_INVALID_ARGUMENT */
export function maskCodes(given: unknown): number[][] {
  if (!Array.isArray(given))
    throw invalid(`codes must be an array with sixteen codes for each mask, not ${show(given)}`);
  return given.map((codes: unknown) => {
    if (!Array.isArray(codes) || codes.length !== 16) throw invalid(`a mask has sixteen codes, not ${show(codes)}`);
    return Array.from(codes, (code) => whole('a code of a mask', code, 0, 127));
  });
}

export const NO_MASK_DECODER = 'this model has no mask decoder: convert it again with --mask-decoder vae-oid.npz';
const NO_MASKS_WARNING =
  'this model has no mask decoder, so segments have boxes only: convert it again with --mask-decoder vae-oid.npz';

/** Objects by name, with their shapes. */
export const segment = task({
  name: 'segment',
  summary: 'find things by name, with their shapes',
  images: { least: 1, most: 1 },
  options: { labels, constrained },
  sampling: drawing,
  streams: false,
  ask({ labels, constrained = true }) {
    const names = labelList(labels);
    return {
      prompt: `segment ${joined(names)}`,
      maxTokens: 512,
      locations: true,
      ...(constrained && { constraint: { labels: names, segment: true } }),
    };
  },
  async result({ pieces, cut, sizes }, _, { decodeMasks }): Promise<Segment[]> {
    const { width, height } = sizes[0] as Size;
    const objects = parseObjects(pieces, { segment: true, cut });
    if (!decodeMasks) {
      process.emitWarning(NO_MASKS_WARNING, { type: 'PaliGemma', code: 'PALIGEMMA_NO_MASK_DECODER' });
      return objects.map((object) => ({ ...toDetection(object, width, height), mask: null }));
    }
    if (objects.length === 0) return [];
    const values = await decodeMasks(objects.map(({ codes }) => codes));
    const segments: Segment[] = [];
    for (const [i, object] of objects.entries()) {
      const mask = values.subarray(i * MASK_SIZE ** 2, (i + 1) * MASK_SIZE ** 2);
      segments.push(await toSegment(object, mask, width, height));
    }
    return segments;
  },
  json: {
    field: 'objects',
    schema: OBJECTS,
    of: (found: Segment[]) =>
      Promise.all(found.map(async (one) => ({ ...one, mask: one.mask && (await encodeOwnMask(one.mask)) }))),
  },
});
