// How much may be under way: bytes that come in, and clients that do not read.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpError } from './errors.js';
import { whenOver } from './over.js';

interface Limits {
  bodyLimit: number;
  /** Of all requests under way together. */
  bodyBudget: number;
  /** Seconds in which a client has to read an answer. */
  slowClient: number;
}

export function limitBytes(app: FastifyInstance, { bodyLimit, bodyBudget, slowClient }: Limits): void {
  let held = 0;
  app.addHook('onRequest', async (request, reply) => {
    const bytes = announced(request) ?? bodyLimit;
    // Fastify looks at bodies that it reads itself: not at forms.
    if (bytes > bodyLimit) throw new HttpError(413, 'ERR_BODY_TOO_LARGE', `a request has ${bodyLimit} bytes at most`);
    if (bytes === 0) return;
    if (held > 0 && held + bytes > bodyBudget)
      throw new HttpError(429, 'ERR_BUSY', 'too much is being sent here; try again', { retryAfter: 1 });
    held += bytes;
    whenOver(reply, () => {
      held -= bytes;
    });
  });
  app.addHook('onSend', async (_, reply) => {
    const timer = setTimeout(() => reply.raw.destroy(), slowClient * 1000).unref();
    whenOver(reply, () => clearTimeout(timer));
  });
}

/** Nothing: the client does not say how much it sends. */
function announced({ headers }: FastifyRequest): number | undefined {
  if (headers['transfer-encoding'] !== undefined) return undefined;
  const length = Number(headers['content-length'] ?? 0);
  return Number.isFinite(length) ? length : undefined;
}
