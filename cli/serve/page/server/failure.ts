/** What went wrong with a request, by what a user can do about it. */
export type FailureKind =
  | 'connection' // the server does not answer
  | 'key' // it wants another key
  | 'busy' // too many requests wait
  | 'loading' // the model is not there yet, but soon
  | 'size' // the picture is too large
  | 'picture' // the picture cannot be read
  | 'request'; // all else; the server's message says it

export class RequestError extends Error {
  constructor(
    readonly kind: FailureKind,
    message: string,
    readonly code = '',
    /** Seconds after which it may be tried again. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

const kindOf = (status: number, code: string, retryAfter?: number): FailureKind => {
  if (status === 401) return 'key';
  if (status === 413) return 'size';
  if (status === 429) return 'busy';
  if (status === 503 && retryAfter !== undefined) return 'loading';
  return status < 500 && code.toUpperCase().includes('IMAGE') ? 'picture' : 'request';
};

/** From an answer that is no success. */
export async function errorOf(response: Response): Promise<RequestError> {
  const { status, headers } = response;
  const body = (await response.json().catch(() => undefined)) as
    | { error?: { message?: string; code?: string } }
    | undefined;
  const { message = `The server answered with status ${status}.`, code = '' } = body?.error ?? {};
  const seconds = Number(headers.get('retry-after'));
  const retryAfter = seconds > 0 ? seconds : undefined;
  return new RequestError(kindOf(status, String(code), retryAfter), message, String(code), retryAfter);
}

/** From an error that stands in the middle of a stream. */
export const errorInStream = ({ message = 'The answer broke off.', code = '' }: { message?: string; code?: string }) =>
  new RequestError(kindOf(400, String(code)), message, String(code));
