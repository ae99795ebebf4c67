// A server in this process, on a port of its own.
import { pino } from 'pino';
import type { ServerOptions } from '../../cli/serve/options.js';
import { type RunningServer, startServer } from '../../cli/serve/server.js';

export const serve = (options: ServerOptions = {}): Promise<RunningServer> =>
  startServer({ page: false, ...options }, 0, pino({ enabled: false }));

export const asDataUrl = (picture: Uint8Array, type = 'image/png'): string =>
  `data:${type};base64,${Buffer.from(picture).toString('base64')}`;

/** A request with a JSON body. */
// biome-ignore lint/suspicious/noExplicitAny: what comes back is what the test is about
export async function post<T = any>(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: T }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
  });
  const json = response.headers.get('content-type')?.includes('json');
  return {
    status: response.status,
    headers: response.headers,
    body: json ? ((await response.json()) as T) : (Buffer.from(await response.arrayBuffer()) as T),
  };
}
