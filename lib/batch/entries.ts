import type { ImageInput } from '../image.js';
import { type BatchItem, type BatchRequest, isItem, isUnusable, type Unusable } from './item.js';

/** A path, glob, list or tar to read items from, or items (or plain images) themselves. */
export type BatchSource = string | Iterable<BatchItem | ImageInput> | AsyncIterable<BatchItem | ImageInput>;

export interface BatchOptions extends BatchRequest {
  /** Results in the order of the items instead of as they come. Default false. */
  ordered?: boolean;
  /** Leaves out items, such as those that an earlier run answered. `index` is the item's place in the source. */
  skip?: (item: BatchItem, index: number) => boolean;
  signal?: AbortSignal;
}

export interface Numbered {
  entry: BatchItem | Unusable;
  index: number;
}

/** Entries with their places in the source, those left out counted too. */
export async function* numbered(
  source: Iterable<BatchItem | ImageInput> | AsyncIterable<BatchItem | ImageInput | Unusable>,
  skip: (entry: BatchItem | Unusable, index: number) => boolean,
): AsyncGenerator<Numbered, void, undefined> {
  let index = 0;
  for await (const given of source) {
    const entry = isUnusable(given) || isItem(given) ? given : { image: given };
    if (!skip(entry, index)) yield { entry, index };
    index++;
  }
}
