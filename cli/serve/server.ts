// A server of its own, as `paligemma serve` starts it.
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify';
import fp from 'fastify-plugin';
import type { Logger } from 'pino';
import { answerError, errorBody, HttpError } from './errors.js';
import { type ServerOptions, settingsOf } from './options.js';
import { paligemmaServer } from './plugin.js';

/** How long a client may take to send a request, headers and body, and how often Node looks for those that take longer. */
const SENDING = { requestTimeout: 120_000, connectionsCheckingInterval: 5_000 };

export interface RunningServer {
  /** `http://127.0.0.1:3000` */
  url: string;
  /** Finishes what runs, for so many seconds; what still runs then is told, and its connections closed. */
  close(grace: number): Promise<void>;
}

/** @throws what listening throws, such as EADDRINUSE */
export async function startServer(
  options: ServerOptions,
  port: number,
  logger: Logger,
  sending = SENDING,
): Promise<RunningServer> {
  const { bodyLimit, host } = settingsOf(options);
  const app: FastifyInstance = Fastify({
    // At the level of traces, what reads forms tells the headers, with the key.
    loggerInstance: logger.child({}, { redact: ['busboyOptions.headers'] }) as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    requestTimeout: sending.requestTimeout,
    http: {
      connectionsCheckingInterval: sending.connectionsCheckingInterval,
      headersTimeout: Math.min(60_000, sending.requestTimeout),
      requireHostHeader: false, // Node's refusal has no body; the guard's has
    },
    return503OnClosing: false, // the models say so, in the shape of other errors
    forceCloseConnections: 'idle',
    genReqId: ({ headers }) => given(headers['x-request-id']) ?? randomUUID(),
    clientErrorHandler: refuseUnreadable,
    frameworkErrors(error, request, reply) {
      reply.header('x-request-id', request.id); // no hook does
      answerError(error, request as never, reply as never);
    },
  });
  app.server.on('checkExpectation', (_, response: ServerResponse) => {
    const body = errorBody(new HttpError(417, 'ERR_INVALID_REQUEST', 'only 100-continue may be expected'));
    response.writeHead(417, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  // A function of its own: it is marked, and the plugin is to stay one that others mount at a prefix.
  await app.register(
    fp((instance, given: ServerOptions) => paligemmaServer(instance, given)),
    options,
  );
  const url = await app.listen({ host, port });
  return {
    url,
    async close(grace) {
      let last: NodeJS.Timeout | undefined;
      const timer = setTimeout(() => {
        app.paligemma.calls.end(new HttpError(503, 'ERR_STOPPING', 'the server is being stopped'));
        // Not unref'ed, as what waits for a client alone does not keep the process.
        last = setTimeout(() => app.server.closeAllConnections(), 500);
      }, grace * 1000);
      // Those that were busy when it began stay open otherwise, for their next request.
      const idle = setInterval(() => app.server.closeIdleConnections(), 100);
      await app.close();
      clearInterval(idle);
      clearTimeout(timer);
      clearTimeout(last);
    },
  };
}

/** A client's own name of its request, where it is one that can stand in a log. */
const given = (id: string | string[] | undefined): string | undefined =>
  typeof id === 'string' && /^[\w.:-]{1,128}$/.test(id) ? id : undefined;

const UNREADABLE: Readonly<Record<string, [status: number, line: string, code: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'ERR_TIMEOUT'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'ERR_HEADERS_TOO_LARGE'],
};

/** What is no HTTP, or never comes to its end. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, line, code] = UNREADABLE[error.code ?? ''] ?? [400, 'Bad Request', 'ERR_INVALID_REQUEST'];
  // An answer is half-sent: whatever came now would be read as the rest of it.
  if ((socket as { _httpMessage?: ServerResponse | null })._httpMessage?.headersSent) return void socket.destroy();
  const body = JSON.stringify(errorBody(new HttpError(status, code, line.toLowerCase())));
  const head = `HTTP/1.1 ${status} ${line}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n`;
  if (socket.writable) socket.write(head + body);
  socket.destroySoon();
}
