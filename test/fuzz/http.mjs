// HTTP as bytes: requests that no client would send, and answers as they come.
import net from 'node:net';
import { Failure } from './outcome.mjs';

/** A request's bytes. @param headers [name, value] pairs; the length is added unless they say it */
export function request(method, path, headers = [], body = Buffer.alloc(0)) {
  const said = headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  const own = headers.some(([name]) => /^host$/i.test(name)) ? [] : [['host', 'localhost']];
  const length = said || (body.length === 0 && method === 'GET') ? [] : [['content-length', String(body.length)]];
  const head = [...own, ...headers, ...length].map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${head}\r\n`, 'latin1'), body]);
}

/** The answers in some bytes: [{ status, headers, body, whole }]. @param methods of the requests, in order */
export function answersIn(bytes, methods) {
  const answers = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf('\r\n\r\n', at);
    if (end < 0) break;
    const [line, ...lines] = bytes.toString('latin1', at, end).split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(line)?.[1]);
    if (!status) throw new Failure(`no head of an answer: ${line.slice(0, 100)}`);
    const headers = Object.fromEntries(
      lines.map((one) => [one.slice(0, one.indexOf(':')).toLowerCase(), one.slice(one.indexOf(':') + 1).trim()]),
    );
    at = end + 4;
    if (status < 200) continue;
    const none = methods[answers.length] === 'HEAD' || status === 204 || status === 304;
    const { body, next } = none ? { body: Buffer.alloc(0), next: at } : bodyAt(bytes, at, headers);
    answers.push({ status, headers, body, whole: next !== undefined, none });
    if (next === undefined) break;
    at = next;
  }
  return answers;
}

function bodyAt(bytes, at, headers) {
  if (!/chunked/i.test(headers['transfer-encoding'] ?? '')) {
    const end = at + Number(headers['content-length'] ?? 0);
    return { body: bytes.subarray(at, end), next: end <= bytes.length ? end : undefined };
  }
  const pieces = [];
  for (;;) {
    const line = bytes.indexOf('\r\n', at);
    const size = line < 0 ? Number.NaN : Number.parseInt(bytes.toString('latin1', at, line), 16);
    if (Number.isNaN(size) || line + 4 + size > bytes.length) return { body: Buffer.concat(pieces), next: undefined };
    at = line + 2 + size + 2;
    if (size === 0) return { body: Buffer.concat(pieces), next: at };
    pieces.push(bytes.subarray(line + 2, line + 2 + size));
  }
}

/** How long who sent what is no request waits for more. */
const QUIET_MS = 150;

/**
 * Sends bytes and collects what comes.
 * @param methods of the requests in it; the connection is closed when as many answers have come. None: when nothing comes any more
 * @param leave 'sent', 'answering': the client closes the connection then
 * @param pieces in how many the bytes go out, slowly
 */
export async function exchange(port, bytes, { methods = [], leave, pieces = 1 }) {
  const socket = net.connect(port, '127.0.0.1');
  await new Promise((resolve, reject) => {
    socket.once('connect', resolve).once('error', (error) => reject(new Failure(`no connection: ${error.code}`)));
  });
  const received = [];
  let quiet;
  const over = new Promise((resolve) => {
    const wait = () => {
      clearTimeout(quiet);
      if (methods.length === 0) quiet = setTimeout(resolve, QUIET_MS);
    };
    socket.on('close', resolve).on('error', resolve);
    socket.on('data', (data) => {
      received.push(data);
      wait();
      if (leave === 'answering') return resolve();
      if (methods.length === 0) return;
      const answers = answersIn(Buffer.concat(received), methods);
      if (answers.length >= methods.length && answers.at(-1).whole) resolve();
    });
    wait();
  });
  const step = Math.ceil(bytes.length / pieces);
  for (let at = 0; at < bytes.length && !socket.destroyed; at += step) {
    if (at > 0) await new Promise((resolve) => setTimeout(resolve, 30));
    socket.write(bytes.subarray(at, at + step));
  }
  if (leave === 'sent') await new Promise((resolve) => setTimeout(resolve, 5));
  else await over;
  clearTimeout(quiet);
  socket.destroy();
  return answersIn(Buffer.concat(received), methods);
}
