// A registry of npm packages on the loopback: packed packages that are not published yet, and all others from the real one.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';

const hash = (algorithm, data, encoding) => createHash(algorithm).update(data).digest(encoding);

/** package.json in a tarball of npm. */
const manifestOf = (file) =>
  JSON.parse(execFileSync('tar', ['-xzOf', file, 'package/package.json'], { encoding: 'utf8' }));

/** A package that holds its package.json alone: in place of one for another platform. */
export function stub(manifest, folder) {
  const inner = path.join(folder, 'package');
  fs.mkdirSync(inner, { recursive: true });
  fs.writeFileSync(path.join(inner, 'package.json'), JSON.stringify({ ...manifest, files: [] }));
  const file = path.join(folder, `${manifest.name.replace('@', '').replace('/', '-')}-${manifest.version}.tgz`);
  execFileSync('tar', ['-czf', file, '-C', folder, 'package']);
  return file;
}

/**
 * @param tarballs packages to serve
 * @returns where it listens, what was asked of it, and how to end it
 */
export async function startRegistry(tarballs) {
  const upstream = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim().replace(/\/?$/, '/');
  const own = new Map(tarballs.map((file) => [path.basename(file), file]));
  const packages = new Map();
  const remembered = new Map();
  const links = new Map();
  const fetched = new Set();

  async function theirs(url, accept) {
    const key = `${url} ${accept}`;
    if (!remembered.has(key)) {
      const answer = await fetch(url, { headers: { accept }, signal: AbortSignal.timeout(60_000) });
      remembered.set(key, { status: answer.status, body: Buffer.from(await answer.arrayBuffer()) });
    }
    return remembered.get(key);
  }

  /** What the registry says of a package, with archives at the addresses that they have in any registry: here. */
  async function described(name, accept) {
    const { status, body } = await theirs(upstream + name.replace('/', '%2f'), accept);
    if (status !== 200) return { status, body };
    const found = JSON.parse(body);
    for (const { dist } of Object.values(found.versions ?? {})) {
      const link = `${name}/-/${path.basename(new URL(dist.tarball).pathname)}`;
      links.set(link, dist.tarball);
      dist.tarball = here + link;
    }
    return { status, body: JSON.stringify(found) };
  }

  const server = http.createServer(async (request, response) => {
    const name = decodeURIComponent(request.url.slice(1).split('?')[0]);
    const file = own.get(path.basename(name));
    if (file) {
      fetched.add(path.basename(file));
      return response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(fs.readFileSync(file));
    }
    const found = packages.get(name);
    if (found) return response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found));
    try {
      const link = links.get(name);
      const { status, body } = await (link ? theirs(link, '*/*') : described(name, request.headers.accept ?? '*/*'));
      response.writeHead(status, { 'content-type': link ? 'application/octet-stream' : 'application/json' }).end(body);
    } catch (error) {
      response.writeHead(502).end(String(error));
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const here = `http://127.0.0.1:${server.address().port}/`;
  for (const file of tarballs) {
    const manifest = manifestOf(file);
    const data = fs.readFileSync(file);
    const { name, version } = manifest;
    const integrity = `sha512-${hash('sha512', data, 'base64')}`;
    const tarball = `${here}${name}/-/${path.basename(file)}`;
    packages.set(name, {
      name,
      'dist-tags': { latest: version },
      versions: { [version]: { ...manifest, dist: { tarball, integrity, shasum: hash('sha1', data, 'hex') } } },
      time: { [version]: '2026-01-01T00:00:00.000Z' }, // some managers take nothing that is new
    });
  }
  return { url: here, fetched, close: () => server.close() };
}
