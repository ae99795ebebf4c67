import { setImmediate } from 'node:timers/promises';
import { PaliGemmaError } from './errors.js';

/** Copied at a time: less than a millisecond. */
const PIECE_BYTES = 1 << 20;

/**
 * A copy that nobody else can change or transfer. What is large is copied in pieces, and the event loop runs between them.
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT when the bytes are transferred before all of them are copied; the
 *   signal's reason when aborted
 */
export async function ownCopy(bytes: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
  const { length } = bytes;
  const copy = new Uint8Array(length);
  for (let at = 0; at < length; at += PIECE_BYTES) {
    if (at > 0) await setImmediate();
    signal?.throwIfAborted();
    if (bytes.length !== length)
      throw new PaliGemmaError(
        'ERR_INVALID_ARGUMENT',
        `${length} bytes were transferred while they were in use: wait for the result, or give a copy of them`,
      );
    copy.set(bytes.subarray(at, at + PIECE_BYTES), at);
  }
  return copy;
}
