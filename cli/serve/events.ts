// Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html
import { once } from 'node:events';
import type { FastifyReply } from 'fastify';
import type { Call } from './call.js';
import { ClientLeft, errorBody, toHttpError } from './errors.js';
import { whenOver } from './over.js';

export const DONE = 'data: [DONE]\n\n';

/** @param name of the event, where it has one */
export const event = (data: unknown, name?: string): string =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`;

/**
 * Sends events as they come. What fails before the first one is thrown, and becomes an answer with a status; what fails later
 * becomes an event, and the connection is closed without the last word.
 * @param slow seconds in which a client has to read what is sent
 */
export async function sendEvents(
  reply: FastifyReply,
  call: Call,
  slow: number,
  events: AsyncIterable<string>,
): Promise<void> {
  const iterator = events[Symbol.asyncIterator]();
  let next = await iterator.next();
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no', // nginx would hold pieces back
  });
  try {
    for (; !next.done; next = await iterator.next()) {
      if (!raw.write(next.value)) await drained(reply, call, slow);
    }
    raw.end();
  } catch (error) {
    if (!(error instanceof ClientLeft)) {
      reply.request.log.warn({ code: toHttpError(error).code }, 'failed in the middle of a stream');
      raw.write(event(errorBody(toHttpError(error))));
    }
    raw.end();
  } finally {
    const timer = setTimeout(() => raw.destroy(), slow * 1000).unref();
    whenOver(reply, () => clearTimeout(timer)); // the rest is to be read too
    await iterator.return?.();
  }
}

/** Waits until the client has read; who reads nothing for too long is cut off. */
async function drained({ raw }: FastifyReply, { signal }: Call, slow: number): Promise<void> {
  const timer = setTimeout(() => raw.destroy(), slow * 1000);
  try {
    await once(raw, 'drain', { signal });
  } catch {
    throw signal.reason ?? new ClientLeft('the client closed the connection'); // its end aborts the call
  } finally {
    clearTimeout(timer);
  }
}
