import { PaliGemmaError, reasonOf } from './errors.js';

/** Limits of one download: encoded pictures beyond them are refused. */
export const FETCH_LIMIT_BYTES = 64 << 20;
export const FETCH_TIMEOUT_MS = 30_000;

/**
 * Downloads a picture over http(s), following redirects, within a size and a time limit.
 * @throws PaliGemmaError ERR_INVALID_IMAGE naming the URL and what went wrong; the signal's reason when aborted.
 */
export async function fetchBytes(url: string, signal?: AbortSignal): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  const fail = (what: string, cause?: unknown) => new PaliGemmaError('ERR_INVALID_IMAGE', `${url}: ${what}`, { cause });
  const tooLarge = () => fail(`larger than the limit of ${FETCH_LIMIT_BYTES >> 20} MiB`);
  try {
    const response = await fetch(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    if (!response.ok) {
      await response.body?.cancel();
      throw fail(`the server answered ${response.status} ${response.statusText}`.trim());
    }
    if (Number(response.headers.get('content-length')) > FETCH_LIMIT_BYTES) {
      await response.body?.cancel();
      throw tooLarge();
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > FETCH_LIMIT_BYTES) throw tooLarge(); // leaving the loop closes the connection
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof PaliGemmaError) throw error;
    if (timeout.aborted) throw fail(`no answer within ${FETCH_TIMEOUT_MS / 1000} s`, error);
    const cause = (error as Error).cause;
    throw fail(cause ? `${reasonOf(error)} (${reasonOf(cause)})` : reasonOf(error), error);
  }
}
