import { brief, PaliGemmaError, reasonOf } from '../base/errors.js';

/** Limits of one download, where none other is given: encoded pictures beyond them are refused. In bytes: 64 MiB. */
export const FETCH_LIMIT_BYTES = 64 << 20;
export const FETCH_TIMEOUT_MS = 30_000;

/** The cause of a failure that may be gone when tried again: of the network, or of a server that has trouble. */
export class TransientFailure extends Error {}

/** How a picture is downloaded. */
export interface FetchOptions {
  /** Default: Node's own. */
  fetch?: (
    url: string,
    init: { signal: AbortSignal },
  ) => Promise<Pick<Response, 'ok' | 'status' | 'statusText' | 'headers'> & { body: Body }>;
  /** Refuse what the server says is no picture. Default false: what it is shows when it is decoded. */
  picturesOnly?: boolean;
  /** Default {@link FETCH_LIMIT_BYTES}. */
  maxBytes?: number;
}

type Body = (AsyncIterable<Uint8Array> & { cancel(): Promise<void> }) | null;

/**
 * Downloads a picture over http(s), following redirects, within a size and a time limit.
 * @throws PaliGemmaError ERR_INVALID_IMAGE naming the URL and what went wrong, with a {@link TransientFailure} as its cause
 *   where another try may do; the signal's reason when aborted.
 */
export async function fetchBytes(
  url: string,
  signal?: AbortSignal,
  {
    fetch: get = fetch as NonNullable<FetchOptions['fetch']>,
    picturesOnly = false,
    maxBytes = FETCH_LIMIT_BYTES,
  }: FetchOptions = {},
): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(FETCH_TIMEOUT_MS);
  const fail = (what: string, cause?: unknown) =>
    new PaliGemmaError('ERR_INVALID_IMAGE', `${brief(url)}: ${what}`, { cause });
  try {
    const response = await get(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    const { status, statusText, headers, body } = response;
    const problem = refusal(response, picturesOnly);
    if (problem !== undefined) {
      await body?.cancel();
      const trouble = status >= 500 || status === 408 || status === 429;
      throw fail(problem, trouble ? new TransientFailure(`${status} ${statusText}`) : undefined);
    }
    const chunks: Uint8Array[] = [];
    let size = Number(headers.get('content-length')) > maxBytes ? Number.POSITIVE_INFINITY : 0;
    for await (const chunk of body ?? []) {
      size += chunk.length;
      if (size > maxBytes) throw fail(`larger than the limit of ${sizeOf(maxBytes)}`); // which closes the connection
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof PaliGemmaError) throw error;
    const { cause } = error as Error;
    if (cause instanceof PaliGemmaError) throw fail(cause.message, cause);
    const what = timeout.aborted
      ? `no answer within ${FETCH_TIMEOUT_MS / 1000} s`
      : cause
        ? `${reasonOf(error)} (${reasonOf(cause)})`
        : reasonOf(error);
    throw fail(what, new TransientFailure(reasonOf(error), { cause: error }));
  }
}

function refusal(response: Pick<Response, 'ok' | 'status' | 'statusText' | 'headers'>, picturesOnly: boolean) {
  if (!response.ok) return `the server answered ${response.status} ${response.statusText}`.trim();
  const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (picturesOnly && type !== '' && !/^image\/|^(application|binary)\/octet-stream$/.test(type))
    return `the server sent ${type}, not a picture`;
  return undefined;
}

/** A limit in words: in MiB where it is a whole number of them. */
export const sizeOf = (bytes: number): string =>
  bytes % (1 << 20) === 0 ? `${bytes / (1 << 20)} MiB` : `${bytes} bytes`;
