// A request under way: it ends when its client leaves, when it takes too long, and when the server gives it up.
import type { FastifyReply } from 'fastify';
import { ClientLeft, HttpError } from './errors.js';
import { whenOver } from './over.js';

export interface Call {
  /** Aborted with the error to answer with. */
  signal: AbortSignal;
}

/** All calls under way of a server. */
export class Calls {
  readonly #underWay = new Set<AbortController>();

  constructor(private readonly seconds: number) {}

  /** The call of a request, from when its handler asks for it, once, until its answer is sent. */
  of(reply: FastifyReply): Call {
    const end = new AbortController();
    const late = new HttpError(408, 'ERR_TIMEOUT', `no answer within ${this.seconds} s`, { shouldRetry: false });
    const timer = setTimeout(() => end.abort(late), this.seconds * 1000);
    this.#underWay.add(end);
    whenOver(reply, () => {
      clearTimeout(timer);
      this.#underWay.delete(end);
      if (!reply.raw.writableFinished) end.abort(new ClientLeft('the client closed the connection'));
    });
    return { signal: end.signal };
  }

  /** Answers all of them with an error. */
  end(reason: unknown): void {
    for (const call of this.#underWay) call.abort(reason);
  }
}
