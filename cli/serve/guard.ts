// Who may ask. A server on this machine's own address is reached by any website that the user visits: by scripts of other origins,
// and by names of theirs that resolve to 127.0.0.1 (DNS rebinding).
import { createHash, timingSafeEqual } from 'node:crypto';
import net from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpError } from './errors.js';
import type { Settings } from './options.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Needs no key. */
    open?: boolean;
  }
}

/** What is registered in this scope needs no key. */
export function openTo(scope: FastifyInstance): void {
  scope.addHook('onRoute', (route) => {
    route.config = { ...route.config, open: true };
  });
}

const hash = (text: string) => createHash('sha256').update(text).digest();

export const isLoopback = (address: string): boolean =>
  address === 'localhost' || address === '::1' || /^127\./.test(address) || /^::ffff:127\./.test(address);

/** The key that a request brings. */
export const bearerOf = ({ headers }: FastifyRequest): string | undefined =>
  /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];

export class Guard {
  readonly #keys: Buffer[];
  readonly #hosts: ReadonlySet<string>;

  constructor(private readonly settings: Settings) {
    this.#keys = settings.apiKeys.map(hash);
    this.#hosts = new Set([settings.host, ...settings.allowedHosts].map((name) => name.toLowerCase()));
  }

  /** @throws HttpError 401 or 403 */
  check(request: FastifyRequest): void {
    this.#checkHost(request.headers.host);
    this.#checkOrigin(request.headers.origin, request.headers.host);
    if (this.#keys.length > 0 && !request.routeOptions.config.open) this.#checkKey(bearerOf(request));
  }

  /** An address is no name that somebody else could have made to mean this machine. */
  #checkHost(host = ''): void {
    const name = nameOf(host);
    const known = name === 'localhost' || name.endsWith('.localhost') || net.isIP(name) !== 0 || this.#hosts.has(name);
    if (known) return;
    throw new HttpError(403, 'ERR_FORBIDDEN_HOST', 'this name is not known here: start the server with --allowed-host');
  }

  #checkOrigin(origin: string | undefined, host = ''): void {
    const { corsOrigins } = this.settings;
    if (origin === undefined || corsOrigins.includes('*') || corsOrigins.includes(origin)) return;
    if (URL.canParse(origin) && new URL(origin).host === host.toLowerCase()) return;
    throw new HttpError(403, 'ERR_FORBIDDEN_ORIGIN', 'pages of other origins may not ask here: see --cors-origin');
  }

  #checkKey(given: string | undefined): void {
    const known = given !== undefined && this.#keys.some((key) => timingSafeEqual(key, hash(given)));
    if (known) return;
    const what = given === undefined ? 'a key is needed: Authorization: Bearer KEY' : 'this key is not known';
    throw new HttpError(401, 'ERR_UNAUTHORIZED', what);
  }
}

/** Of a Host header, without its port. */
function nameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\](:\d*)?$/.exec(host)?.[1];
  return (bracketed ?? host.replace(/:\d*$/, '')).toLowerCase();
}
