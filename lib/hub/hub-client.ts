// Requests to a hub that survive breaks: each is one attempt, which says whether another may help.
import { setTimeout as sleep } from 'node:timers/promises';
import { invalid } from '../base/check.js';
import { PaliGemmaError, reasonOf, show } from '../base/errors.js';
import { findToken, type Token } from './token.js';
import { Watch } from './watch.js';

export interface HubAccess {
  /** Default: see `hubToken`. Sent to the endpoint's own host only. */
  token?: string;
  /** Aborting rejects with its reason. */
  signal?: AbortSignal;
  /** Base URL. Default: see `hubEndpoint`. */
  endpoint?: string;
}

/** Internal, so that tests need not wait. */
export interface HubTiming {
  /** Milliseconds before the second attempt; each further one waits twice as long. Default 1000. */
  retryDelayMs?: number;
  /** Milliseconds without a byte after which a connection counts as broken. Default 30 000. */
  stallMs?: number;
}

/** `HF_ENDPOINT`, else https://huggingface.co; without a slash at its end. */
export const hubEndpoint = (): string => withoutSlash(process.env.HF_ENDPOINT || 'https://huggingface.co');

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

/** A download that cannot go on. */
export const failed = (message: string, cause?: unknown) =>
  new PaliGemmaError('ERR_DOWNLOAD_FAILED', message, { cause });

/** A failure that another attempt may mend. `waitMs`: what the server asks to wait. */
export class Interruption extends Error {
  constructor(
    message: string,
    readonly waitMs = 0,
    options?: { cause?: unknown },
    /** Where no connection could be made to. */
    readonly unreachable?: string,
  ) {
    super(message, options);
  }
}

/** What a request is about, for messages. */
export interface Asked {
  id: string;
  revision: string;
  file?: string;
}

/** An answer of 200, 206 or 416. The body ends in an Interruption when the connection breaks or stalls. */
export interface Answer {
  status: number;
  headers: Headers;
  body: AsyncGenerator<Uint8Array>;
  /** For who does not read the body. */
  discard(): void;
}

const RETRIED = [408, 429, 500, 502, 503, 504];

/** Requests to one hub, each one attempt. */
export class HubClient {
  readonly signal?: AbortSignal;
  readonly retryDelayMs: number;
  private readonly stallMs: number;

  private constructor(
    readonly endpoint: string,
    private readonly token: Token | undefined,
    { signal, retryDelayMs = 1000, stallMs = 30_000 }: HubAccess & HubTiming,
  ) {
    this.signal = signal;
    this.retryDelayMs = retryDelayMs;
    this.stallMs = stallMs;
  }

  static async connect(access: HubAccess & HubTiming): Promise<HubClient> {
    const endpoint = access.endpoint ? withoutSlash(access.endpoint) : hubEndpoint();
    if (!/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : ''))
      throw invalid(`the hub's endpoint must be an http(s) URL, not ${show(endpoint)}`);
    return new HubClient(endpoint, await findToken(access.token), access);
  }

  /**
   * @throws Interruption for what may pass, PaliGemmaError for what will not; the signal's reason when aborted.
   */
  async get(url: string, asked: Asked, headers: Record<string, string> = {}): Promise<Answer> {
    const watch = new Watch(this.signal, this.stallMs);
    const broken = (error: unknown) =>
      this.signal?.aborted
        ? this.signal.reason
        : new Interruption(describe(error), 0, { cause: error }, unreachable(error, url));
    async function* read(body: ReadableStream<Uint8Array> | null) {
      try {
        const reader = body?.getReader();
        for (;;) {
          const chunk = await watch.over(reader?.read() ?? Promise.resolve({ done: true as const, value: undefined }));
          if (chunk.done) break;
          yield chunk.value;
          watch.alive(); // after the reader is done: its time is no stall
        }
      } catch (error) {
        throw broken(error);
      } finally {
        watch.end();
      }
    }

    try {
      const { signal } = watch;
      const response = await watch.over(fetch(url, { headers: { ...this.headers(url), ...headers }, signal }));
      if (!response.ok && response.status !== 416) throw this.refusal(response, asked);
      watch.alive();
      return {
        status: response.status,
        headers: response.headers,
        body: read(response.body),
        discard: () => watch.end(),
      };
    } catch (error) {
      watch.end();
      throw error instanceof PaliGemmaError || error instanceof Interruption ? error : broken(error);
    }
  }

  private isOwn = (url: string): boolean => new URL(url).origin === new URL(this.endpoint).origin;

  /** The token is for the hub alone. fetch drops it when a redirect leads to another origin, such as the hub's storage. */
  private headers(url: string): Record<string, string> {
    const encoding = { 'accept-encoding': 'identity' }; // sizes and ranges are those of the file
    return this.token && this.isOwn(url) ? { ...encoding, authorization: `Bearer ${this.token.text}` } : encoding;
  }

  private refusal(response: Response, { id, revision, file }: Asked): Error {
    const { status, headers } = response;
    const said = `${new URL(response.url).host} answered ${status} ${response.statusText}`.trim();
    if (RETRIED.includes(status)) return new Interruption(said, retryAfterMs(headers.get('retry-after')));
    // The storage behind a hub refuses links that ran out; the next attempt gets a fresh one.
    if (!this.isOwn(response.url)) return new Interruption(said);
    if (status === 401 || status === 403)
      return new PaliGemmaError('ERR_GATED_MODEL', this.gated(id, status, headers.get('x-error-code')));
    if (status !== 404) return failed(`${file ? `${file} of ${id}` : id}: ${said}`);
    const what = file ? `file ${file} in ${id}` : `model ${id}`;
    const hidden = this.token ? ` that the token from ${this.token.source} may see` : '';
    return new PaliGemmaError(
      'ERR_MODEL_NOT_FOUND',
      `${this.endpoint} has no ${what} at revision ${revision}${hidden}`,
    );
  }

  private gated(id: string, status: number, code: string | null): string {
    const page = `${this.endpoint}/${id}`;
    const tokens = `${this.endpoint}/settings/tokens`;
    if (!this.token)
      return code === 'GatedRepo'
        ? `${id} is gated: accept its licence at ${page}, make a token at ${tokens} and set HF_TOKEN or pass the token option`
        : `${id} is gated, private or does not exist (without a token the hub does not say which): check the name, accept ` +
            `the licence at ${page}, make a token at ${tokens} and set HF_TOKEN or pass the token option`;
    return status === 401 && code !== 'GatedRepo'
      ? `${this.endpoint} does not accept the token from ${this.token.source}: it is mistyped, expired or revoked. Make a ` +
          `new one at ${tokens}; the licence of ${id} is accepted at ${page}`
      : `the token from ${this.token.source} has no access to ${id}: accept the licence at ${page} with the account the ` +
          'token belongs to (a fine-grained token also needs the permission to read public gated repositories)';
  }
}

/** Milliseconds that a Retry-After header asks to wait, in seconds or until a date: at most 60 000, 0 without one. */
export function retryAfterMs(header: string | null, now = Date.now()): number {
  if (!header) return 0;
  const ms = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Math.min(Math.max(ms || 0, 0), 60_000);
}

/** The reason of a failed fetch is in its cause, or in the code of that when several addresses were tried. */
function describe(error: unknown): string {
  const cause = (error as { cause?: { message?: string; code?: string } } | undefined)?.cause;
  const inner = cause?.message || cause?.code;
  return inner ? `${reasonOf(error)} (${inner})` : reasonOf(error);
}

const whatNow = ({ message, unreachable: host }: Interruption): string =>
  host === undefined
    ? `${message}. Try again later`
    : `no connection to ${host} (${message}). Check the network and proxies; what is in the cache loads without them`;

const NO_CONNECTION = ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH'];

function unreachable(error: unknown, url: string): string | undefined {
  const { code = '', hostname } = (error as { cause?: { code?: string; hostname?: string } } | undefined)?.cause ?? {};
  return NO_CONNECTION.includes(code) ? (hostname ?? new URL(url).host) : undefined;
}

/**
 * Repeats what is interrupted, with growing waits, until it fails so many times in a row without getting further.
 * @param reached how far it got; attempts count anew beyond the furthest point so far
 * @throws PaliGemmaError ERR_DOWNLOAD_FAILED naming `what`; the signal's reason when aborted; what is no Interruption.
 */
export async function persist<T>(
  { signal, retryDelayMs }: Pick<HubClient, 'signal' | 'retryDelayMs'>,
  attempts: number,
  what: string,
  attempt: () => Promise<T>,
  reached: () => number = () => 0,
): Promise<T> {
  let furthest = reached();
  for (let failures = 0; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Interruption)) throw error;
      failures = reached() > furthest ? 1 : failures + 1;
      furthest = Math.max(furthest, reached());
      if (failures >= attempts) throw failed(`${what} failed ${attempts} times in a row: ${whatNow(error)}`, error);
      const wait = Math.max(error.waitMs, retryDelayMs * 2 ** (failures - 1));
      await sleep(wait, undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}
