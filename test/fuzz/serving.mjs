// Servers to try requests on, and what they must leave alone: a server on the loopback, and a picture on the disk.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { PICTURE, ROOT } from './places.mjs';

const FLAGS = ['--port', '0', '--max-body', '12', '--timeout', '120', '--metrics', '--unload-after', '0'];

/** @param remote whether pictures are fetched */
async function start(remote, env) {
  const flags = remote ? [...FLAGS, '--allow-remote-images'] : FLAGS;
  const child = spawn(process.execPath, [path.join(ROOT, 'cli', 'dist', 'cli.js'), 'serve', ...flags], {
    env: { ...process.env, HF_HUB_OFFLINE: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  process.on('exit', () => child.kill('SIGKILL'));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said = (said + text).slice(-20_000);
  });
  const url = await new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text) => {
      const [found] = /http:\S+/.exec(text) ?? [];
      if (found) resolve(found);
    });
    child.once('exit', () => reject(new Error(`the server does not start: ${said}`)));
  });
  const ended = new Promise((resolve) => child.once('exit', (status, signal) => resolve(signal ?? status)));
  return { child, ended, url, port: Number(new URL(url).port), said: () => said };
}

/** Counts who asks it for anything. */
async function canary(answer) {
  const seen = [];
  const server = http.createServer((request, response) => {
    seen.push(request.url);
    answer(request, response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return { seen, port: server.address().port };
}

/** Servers, and notes in the folder by which cases find them. */
export async function openServers(folder) {
  const picture = fs.readFileSync(PICTURE);
  const file = path.join(folder, 'canary.png');
  fs.writeFileSync(file, picture);
  const inner = await canary((_, response) => response.end(picture));
  const outer = await canary(({ url }, response) => {
    const { searchParams } = new URL(url, 'http://public.test');
    const away = searchParams.get('to');
    if (away) response.writeHead(302, { location: away }).end();
    else response.end(picture);
  });
  const internet = path.join(ROOT, 'test', 'fuzz', 'internet.mjs');
  const plain = await start(false, {});
  const remote = await start(true, {
    NODE_OPTIONS: `--import ${internet}`,
    FUZZ_CANARY: String(inner.port),
  });
  const notes = { plain: plain.port, remote: remote.port, inner: inner.port, outer: outer.port, file };
  const described = await fetch(`${plain.url}/openapi.json`);
  fs.writeFileSync(path.join(folder, 'openapi.json'), await described.text());
  fs.writeFileSync(path.join(folder, 'servers.json'), JSON.stringify(notes));
  return { plain, remote, inner, outer };
}

/** Resident memory of a process and its children, in MB. (Linux; elsewhere 0) */
export function residentMB(pid) {
  try {
    const own = Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1000;
    const children = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    return Math.round(children.reduce((sum, child) => sum + residentMB(child), own));
  } catch {
    return 0;
  }
}
