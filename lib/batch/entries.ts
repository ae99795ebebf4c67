import { invalid } from '../base/check.js';
import { show } from '../base/errors.js';
import type { ImageInput } from '../image/input.js';
import { type BatchItem, type BatchRequest, isItem, isUnusable, type Unusable } from './item.js';

/** Items, or plain images, from an array, a generator or a stream. */
export type BatchSource = Iterable<BatchItem | ImageInput> | AsyncIterable<BatchItem | ImageInput>;

export interface BatchOptions extends BatchRequest {
  /** Results in the order of the items instead of as they come. Default false. */
  ordered?: boolean;
  /** Leaves out items, such as those that an earlier run answered. `index` is the item's place in the source. */
  skip?: (item: BatchItem, index: number) => boolean;
  signal?: AbortSignal;
}

/** An entry with its place in the source, from 0. */
export interface Numbered {
  entry: BatchItem | Unusable;
  index: number;
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT for what gives no items, such as a single path */
export function items(source: BatchSource): BatchSource {
  const given: unknown = source;
  if (typeof given === 'object' && given !== null && (Symbol.iterator in given || Symbol.asyncIterator in given))
    return source;
  const instead =
    typeof given === 'string' ? '; folders, globs, lists and tars are read by the command paligemma batch' : '';
  throw invalid(
    `a batch takes an array (or a generator, or a stream) of images or items, not ${show(given)}${instead}`,
  );
}

/**
 * Entries with their places in the source, those left out counted too. Plain images become items.
 * @param skip leaves out an entry; `index` is its place
 */
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
