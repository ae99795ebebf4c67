// A Hugging Face hub on the loopback: what the API, the resolve links and the storage behind them answer, and how they fail.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

type Side = 'hub' | 'cdn';

export interface SeenRequest {
  side: Side;
  /** Decoded, without the query. */
  path: string;
  range?: string;
  authorization?: string;
  readonly status: number;
  /** Bytes of the body handed to the connection. */
  sent: number;
}

/** How requests whose path matches go wrong. What is about content works on the side that sends it. */
export interface Fault {
  /** Requests that it befalls. Default 1. */
  times?: number;
  /** Only there. Default: either. */
  on?: Side;
  /** Answer with this, `headers` and `content` instead. */
  status?: number;
  headers?: Record<string, string>;
  /** Close the connection after so many bytes of the body. */
  breakAfter?: number;
  /** Keep the connection open and send nothing more after so many bytes of the body. */
  stallAfter?: number;
  /** Send this many bytes at a time, a millisecond apart. */
  throttle?: number;
  /** Send this instead of the file. */
  content?: Buffer;
  /** Send no Content-Length. */
  chunked?: boolean;
  /** Answer the whole file to a range. */
  ignoreRange?: boolean;
}

interface Repo {
  branches: Map<string, string>;
  commits: Map<string, Map<string, Buffer>>;
  gated?: string[];
  licence?: string | string[];
}

const LFS = /\.(safetensors|npz(-.*)?|gguf|bin|model|msgpack)$/;
const hash = (algorithm: string, ...parts: (string | Buffer)[]) =>
  parts.reduce((sum, part) => sum.update(part), createHash(algorithm)).digest('hex');

/**
 * ```ts
 * const hub = await FakeHub.start();
 * hub.addRepo('owner/name', folder);
 * hub.fault(/model\.safetensors/, { breakAfter: 1000 });
 * await openRepo('owner/name', 'main', { endpoint: hub.url }); // or HF_ENDPOINT = hub.url
 * await hub.close();
 * ```
 */
export class FakeHub {
  /** Everything asked so far, in order. */
  readonly requests: SeenRequest[] = [];
  /** Tokens known beside those of gated repositories. */
  readonly tokens = new Set<string>();
  /** Files a page of a listing. */
  pageSize = 1000;
  private readonly repos = new Map<string, Repo>();
  private readonly storage = new Map<string, Buffer>();
  private faults: { pattern: RegExp; fault: Fault; left: number }[] = [];
  private readonly servers: Record<Side, http.Server>;

  private constructor() {
    const serve = (side: Side) => http.createServer((request, response) => void this.answer(side, request, response));
    this.servers = { hub: serve('hub'), cdn: serve('cdn') };
  }

  static async start(): Promise<FakeHub> {
    const hub = new FakeHub();
    for (const server of Object.values(hub.servers))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return hub;
  }

  /** Base URL of the hub. */
  get url(): string {
    return this.origin('hub');
  }

  /** Base URL of the storage that the hub redirects to. */
  get storageUrl(): string {
    return this.origin('cdn');
  }

  /**
   * Adds a commit and points a branch at it. Files that LFS stores (by their endings) come from the storage, others from the hub.
   * @param files a folder, or contents by path
   * @param options `gated`: the tokens that have access
   * @returns the commit
   */
  addRepo(
    id: string,
    files: string | Map<string, Buffer>,
    options: { commit?: string; branch?: string; gated?: string[]; licence?: string | string[] } = {},
  ): string {
    const contents = typeof files === 'string' ? readFolder(files) : files;
    const { branch = 'main', commit = hash('sha1', id, ...[...contents].flat()), gated, licence } = options;
    const repo: Repo = this.repos.get(id) ?? { branches: new Map(), commits: new Map() };
    repo.branches.set(branch, commit);
    repo.commits.set(commit, contents);
    this.repos.set(id, { ...repo, gated: gated ?? repo.gated, licence: licence ?? repo.licence });
    for (const content of contents.values()) this.storage.set(hash('sha256', content), content);
    return commit;
  }

  fault(pattern: RegExp, fault: Fault): void {
    this.faults.push({ pattern, fault, left: fault.times ?? 1 });
  }

  /** Requests for files, to the hub or to its storage. */
  seen = (side: Side, pattern = /\/resolve\/|^\/storage\//): SeenRequest[] =>
    this.requests.filter((request) => request.side === side && pattern.test(request.path));

  /** Forgets requests and faults. */
  reset(): void {
    this.requests.length = 0;
    this.faults = [];
  }

  async close(): Promise<void> {
    for (const server of Object.values(this.servers)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  private origin = (side: Side): string => `http://127.0.0.1:${(this.servers[side].address() as AddressInfo).port}`;

  private async answer(side: Side, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.origin(side));
    const { range, authorization } = request.headers;
    const seen: SeenRequest = {
      side,
      path: decodeURIComponent(url.pathname),
      range,
      authorization,
      get status() {
        return response.statusCode;
      },
      sent: 0,
    };
    this.requests.push(seen);
    const fault = this.takeFault(seen, ({ status }) => status !== undefined);
    if (fault) response.writeHead(fault.status ?? 500, fault.headers).end(fault.content ?? 'no');
    else if (side === 'cdn') await this.send(seen, response, this.storage.get(seen.path.split('/')[2] ?? ''));
    else await this.route(seen, url, response);
  }

  private takeFault(seen: SeenRequest, kind: (fault: Fault) => boolean): Fault | undefined {
    const found = this.faults.find(
      ({ pattern, fault, left }) =>
        left > 0 && kind(fault) && (fault.on ?? seen.side) === seen.side && pattern.test(seen.path),
    );
    if (found) found.left--;
    return found?.fault;
  }

  private async route(seen: SeenRequest, url: URL, response: http.ServerResponse): Promise<void> {
    const [, id = '', api, revision = '', file = ''] =
      /^(?:\/api\/models)?\/([^/]+\/[^/]+)\/(revision|tree|resolve)\/([^/]+)\/?(.*)$/.exec(url.pathname) ?? [];
    const repo = this.repos.get(id);
    const token = seen.authorization?.replace('Bearer ', '');
    const known = [...this.tokens, ...[...this.repos.values()].flatMap((other) => other.gated ?? [])];
    const refuse = (status: number, code?: string) =>
      response.writeHead(status, code ? { 'x-error-code': code } : {}).end(JSON.stringify({ error: 'refused' }));
    if (token && !known.includes(token)) return void refuse(401);
    if (!repo) return void refuse(token ? 404 : 401, 'RepoNotFound');

    const name = decodeURIComponent(revision);
    const commit = repo.branches.get(name) ?? name;
    const files = repo.commits.get(commit);
    if (!files) return void refuse(404, 'RevisionNotFound');
    const json = (value: unknown) => response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
    if (api === 'revision')
      return void json({ _id: '1', id, sha: commit, gated: !!repo.gated, cardData: { license: repo.licence } });
    if (api === 'tree') return void json(this.page(files, url, response));

    // As on the real hub, what a gated repository holds is public, and its files are not.
    if (repo.gated && !repo.gated.includes(token ?? '')) return void refuse(token ? 403 : 401, 'GatedRepo');
    const filePath = decodeURIComponent(file);
    const content = files.get(filePath);
    if (!content) return void refuse(404, 'EntryNotFound');
    if (!LFS.test(filePath)) return await this.send(seen, response, content);
    const location = `${this.origin('cdn')}/storage/${hash('sha256', content)}/${file}?signature=1`;
    response.writeHead(302, { location, 'x-linked-size': content.length }).end();
  }

  private page(files: Map<string, Buffer>, url: URL, response: http.ServerResponse): object[] {
    const start = Number(url.searchParams.get('cursor') ?? 0);
    const entries = [...files].sort(([a], [b]) => (a < b ? -1 : 1)).slice(start, start + this.pageSize);
    if (start + this.pageSize < files.size) {
      url.searchParams.set('cursor', String(start + this.pageSize));
      response.setHeader('link', `<${url}>; rel="next"`);
    }
    return entries.map(([name, content]) => {
      const lfs = LFS.test(name) ? { oid: hash('sha256', content), size: content.length, pointerSize: 130 } : undefined;
      const oid = lfs ? hash('sha1', 'pointer') : hash('sha1', `blob ${content.length}\0`, content);
      return { type: 'file', path: name, size: content.length, oid, lfs };
    });
  }

  private async send(seen: SeenRequest, response: http.ServerResponse, stored: Buffer | undefined): Promise<void> {
    if (!stored) return void response.writeHead(404).end();
    const fault = this.takeFault(seen, ({ status }) => status === undefined) ?? {};
    const content = fault.content ?? stored;
    const from = fault.ignoreRange ? 0 : Number(/^bytes=(\d+)-$/.exec(seen.range ?? '')?.[1] ?? 0);
    if (from > 0 && from >= content.length)
      return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    const body = content.subarray(from);
    const range = `bytes ${from}-${content.length - 1}/${content.length}`;
    if (!fault.chunked) response.setHeader('content-length', body.length);
    response.writeHead(from > 0 ? 206 : 200, from > 0 ? { 'content-range': range } : {});

    const end = Math.min(fault.breakAfter ?? body.length, fault.stallAfter ?? body.length, body.length);
    const step = fault.throttle ?? 1 << 20;
    while (seen.sent < end && !response.destroyed) {
      const chunk = body.subarray(seen.sent, Math.min(seen.sent + step, end));
      seen.sent += chunk.length;
      await new Promise<void>((resolve) => response.write(chunk, () => resolve()));
      if (fault.throttle) await sleep(1);
    }
    if (fault.breakAfter !== undefined) {
      await sleep(50); // what fetch has not handed on is lost with the connection
      response.destroy();
    } else if (fault.stallAfter === undefined) response.end();
  }
}

function readFolder(folder: string): Map<string, Buffer> {
  const names = fs.readdirSync(folder, { recursive: true }).map(String);
  const files = names.filter((name) => fs.statSync(path.join(folder, name)).isFile());
  return new Map(files.map((name) => [name.split(path.sep).join('/'), fs.readFileSync(path.join(folder, name))]));
}
