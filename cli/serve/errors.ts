// What goes wrong, as clients of OpenAI's interface read it.
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { PaliGemmaError } from 'node-paligemma';
import { isGivenUp, reasonOf } from 'node-paligemma/support';

/** An answer with an error status. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly more: {
      /** The field of the request that is wrong. */
      param?: string;
      /** Seconds after which another try may do. */
      retryAfter?: number;
      /** Of openai's clients, which try again by themselves: false where that is of no use. */
      shouldRetry?: false;
    } = {},
  ) {
    super(message);
  }
}

/** @param param the field of the request that is wrong */
export const badRequest = (message: string, param?: string): HttpError =>
  new HttpError(400, 'ERR_INVALID_ARGUMENT', message, param === undefined ? {} : { param });

/** The status of each of the library's codes that a request can meet. What is not here is the server's own failure: 500. */
const STATUS: Readonly<Record<string, number>> = {
  ERR_INVALID_ARGUMENT: 400,
  ERR_INVALID_IMAGE: 400,
  ERR_PROMPT_TOO_LONG: 400,
  ERR_OUT_OF_MEMORY: 503,
  ERR_ENGINE_DIED: 503,
  ERR_DISPOSED: 503,
};

/** Errors of Fastify's own, by code: their words are about HTTP, and good as they are. */
const FASTIFY: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'ERR_BODY_TOO_LARGE',
  FST_REQ_FILE_TOO_LARGE: 'ERR_BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'ERR_UNSUPPORTED_MEDIA_TYPE',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'ERR_UNSUPPORTED_MEDIA_TYPE',
};

/** Of those that repeat the path, with what is asked in it. */
const PATHS = new Set(['FST_ERR_BAD_URL', 'FST_ERR_MAX_PARAM_LENGTH']);

type Wrong = NonNullable<FastifyError['validation']>[number];

/** Any failure as one with a status. */
export function toHttpError(error: unknown): HttpError {
  if (error instanceof HttpError) return error;
  if (error instanceof PaliGemmaError) {
    const status = STATUS[error.code] ?? 500;
    // The next one who asks finds a new process, or a model that is loaded anew.
    const again = (error.code === 'ERR_ENGINE_DIED' && !isGivenUp(error)) || error.code === 'ERR_DISPOSED';
    return new HttpError(status, error.code, error.message, again ? { retryAfter: 1 } : {});
  }
  const { validation, statusCode = 500, code = '', message } = error as Partial<FastifyError>;
  const [wrong] = validation ?? [];
  if (wrong) return wrongField(wrong);
  if (statusCode >= 400 && statusCode < 500) {
    const name = FASTIFY[code] ?? (statusCode === 413 ? 'ERR_BODY_TOO_LARGE' : 'ERR_INVALID_REQUEST');
    const words = PATHS.has(code) ? 'the path cannot be read' : message;
    return new HttpError(statusCode, name, words ?? 'the request cannot be read');
  }
  return new HttpError(500, 'ERR_UNKNOWN', 'the server failed; its log says why');
}

function wrongField({ instancePath, params, message = 'is wrong' }: Wrong): HttpError {
  const field = instancePath.slice(1).replaceAll('/', '.');
  const { missingProperty: missing, additionalProperty: added } = params as Record<string, string | undefined>;
  const within = (name: string) => (field ? `${field}.${name}` : name);
  if (missing !== undefined) return badRequest(`${within(missing)} is missing`, within(missing));
  if (added !== undefined) return badRequest(`${brief(within(added))} is no option here`, brief(within(added)));
  return badRequest(`${field || 'the request'} ${message}`, field || undefined);
}

const brief = (name: string) => (name.length > 100 ? `${name.slice(0, 100)}...` : name);

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
};

/** The body, in OpenAI's shape. */
export const errorBody = ({ status, code, message, more }: HttpError) => ({
  error: {
    message,
    type: TYPES[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error'),
    param: more.param ?? null,
    code,
  },
});

/** Where no answer can be sent any more, because nobody is there: what web servers log as 499. */
export class ClientLeft extends Error {}

/** For Fastify's `setErrorHandler`. */
export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  if (error instanceof ClientLeft) return void reply.code(499).send();
  const failure = toHttpError(error);
  const { status, more } = failure;
  if (!request.raw.complete) leaveUnread(request, reply);
  if (status >= 500) request.log.error({ code: failure.code, reason: reasonOf(error) }, 'failed');
  if (more.retryAfter !== undefined) reply.header('retry-after', String(more.retryAfter));
  if (more.shouldRetry === false) reply.header('x-should-retry', 'false');
  reply
    .code(status)
    .type('application/json; charset=utf-8')
    .send(JSON.stringify(errorBody(failure)));
}

/** Answered before all of it came: what still comes is passed over, or the next request on this connection would never be seen. */
function leaveUnread(request: FastifyRequest, reply: FastifyReply): void {
  const { raw, headers } = request;
  const length = Number(headers['content-length']);
  if (!(length <= request.routeOptions.bodyLimit)) reply.header('connection', 'close');
  raw.unpipe();
  raw.resume();
}
