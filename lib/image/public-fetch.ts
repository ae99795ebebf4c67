// Fetching for strangers: who names the URLs must not reach what only this machine can.
import dns from 'node:dns';
import net from 'node:net';
import ipaddr from 'ipaddr.js';
import { PaliGemmaError } from '../base/errors.js';
import type { FetchOptions } from './fetch-bytes.js';

/** Addresses of the public internet: not of this machine, its networks, link-local ones (where clouds keep secrets) or special use. */
export const isPublic = (address: string): boolean =>
  ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';

const refused = (host: string) =>
  new PaliGemmaError(
    'ERR_INVALID_IMAGE',
    `${host} has a private address, and only public ones may be fetched from (imageAccess.publicUrlsOnly; of a worker: --allow-private-addresses)`,
  );

const unguarded = () =>
  new PaliGemmaError(
    'ERR_INVALID_IMAGE',
    'Bun cannot be held to public addresses, so that nothing is fetched (imageAccess.publicUrlsOnly); use Node or Deno, or fetch the picture and give its bytes',
  );

/**
 * A `fetch` that connects to public addresses only. The address that a name resolves to is checked where the connection is
 * made, so that neither redirects nor names that change their address get past.
 */
export async function publicFetch(): Promise<NonNullable<FetchOptions['fetch']>> {
  // Bun has its own fetch in place of undici's, which connects past the check: https://github.com/oven-sh/bun/issues/38840
  if (process.versions.bun) return () => Promise.reject(unguarded());
  const { Agent, buildConnector, fetch } = await import('undici');
  const connector = buildConnector({ timeout: 10_000, lookup: publicLookup });
  const dispatcher = new Agent({
    connect(options, callback) {
      const host = options.hostname.replace(/^\[|\]$/g, '');
      if (net.isIP(host) && !isPublic(host)) callback(refused(host), null);
      else connector(options, callback);
    },
  });
  return (url, init) =>
    fetch(url, { ...init, dispatcher }) as unknown as ReturnType<NonNullable<FetchOptions['fetch']>>;
}

const publicLookup: net.LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, '', 0);
    const open = addresses.filter(({ address }) => isPublic(address));
    const [first] = open;
    if (!first) callback(refused(hostname), '', 0);
    else if (options.all) (callback as unknown as (error: null, found: dns.LookupAddress[]) => void)(null, open);
    else callback(null, first.address, first.family);
  });
};
