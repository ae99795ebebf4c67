// Requests of all kinds to running servers: whatever comes, they live, say what is wrong in OpenAI's shape, never answer 500, read
// nothing that they should not, and answer a plain question right after.
import fs from 'node:fs';
import path from 'node:path';
import { exchange } from '../http.mjs';
import { Failure, Refusal } from '../outcome.mjs';
import { makePictures } from '../pictures.mjs';
import { PICTURE } from '../places.mjs';
import { Kinds, plainRequest } from '../requests.mjs';
import { openServers, residentMB } from '../serving.mjs';

const CAPTION = 'an owl and a cat';
/** Of a server and its engine, after all of it; allocators keep something. */
const GROWTH_MB = 200;

let servers;
const memory = {};

export async function prepare(folder) {
  for (const [name, bytes] of await makePictures()) fs.writeFileSync(path.join(folder, name), bytes);
  const kinds = await Kinds.bombs();
  for (const [name, bytes] of Object.entries(kinds)) fs.writeFileSync(path.join(folder, name), bytes);
  servers = await openServers(folder);
  for (const name of ['plain', 'remote']) {
    const { child, port } = servers[name];
    for (let i = 0; i < 3; i++) {
      await exchange(port, plainRequest(fs.readFileSync(PICTURE)), { methods: ['POST'] });
      await exchange(port, plainRequest(kinds['flat.bomb']), { methods: ['POST'] });
    }
    memory[name] = [residentMB(child.pid)];
  }
}

export function open(folder) {
  const read = (name) => fs.readFileSync(path.join(folder, name));
  const named = (pattern) =>
    fs
      .readdirSync(folder)
      .filter((name) => pattern.test(name))
      .sort();
  return {
    servers: JSON.parse(read('servers.json')),
    kinds: new Kinds({
      servers: JSON.parse(read('servers.json')),
      described: JSON.parse(read('openapi.json')),
      good: fs.readFileSync(PICTURE),
      pictures: named(/\.(jpg|png|webp|avif|gif|tif)$/)
        .filter((name) => name !== 'canary.png')
        .map((name) => [name, read(name)]),
      bombs: named(/\.bomb$/).map((name) => [name, read(name)]),
    }),
  };
}

export const whole = ({ kinds }) => kinds.whole().map(toCase);
export const damage = (random, { kinds }) => toCase(kinds.any(random));
const toCase = ({ bytes, ...plan }) => ({ files: { 'request.http': bytes }, server: 'plain', ...plan });

export async function use(folder, plan, { servers: ports, kinds }) {
  const bytes = fs.readFileSync(path.join(folder, 'request.http'));
  const answers = await exchange(ports[plan.server], bytes, plan);
  for (const answer of answers) check(answer, plan);
  const [after] = await exchange(ports[plan.server], kinds.plain, { methods: ['POST'] });
  const said = after?.body.toString() ?? 'nothing';
  if (after?.status !== 200 || JSON.parse(said).text !== CAPTION)
    throw new Failure(`a plain question after it: ${after?.status} ${said.slice(0, 200)}`);
  const refused = answers.find(({ status }) => status >= 400);
  if (!refused) return;
  const code = refused.none || !refused.whole ? String(refused.status) : JSON.parse(refused.body.toString()).error.code;
  throw new Refusal(Object.assign(new Error(refused.body.toString()), { code }));
}

function check({ status, headers, body, whole: complete, none }, { refuse, leave }) {
  const text = body.toString();
  if (status === 500 || status === 503) throw new Failure(`${status}: ${text.slice(0, 300)}`);
  if (refuse && status < 400) throw new Failure(`what must be refused is answered: ${text.slice(0, 200)}`);
  if (!complete) {
    if (leave || status >= 400) return;
    throw new Failure(`an answer without its end: ${text.slice(-200)}`);
  }
  if (none) return;
  if (status >= 400) return checkError(status, text);
  if (/event-stream/.test(headers['content-type'])) checkEvents(text);
  else if (/json/.test(headers['content-type'])) JSON.parse(text);
}

function checkError(status, text) {
  let error;
  try {
    ({ error } = JSON.parse(text));
  } catch {}
  const { message, type, param, code } = error ?? {};
  const sound = [message, type, code].every((one) => typeof one === 'string' && one !== '');
  if (!sound || (param !== null && typeof param !== 'string'))
    throw new Failure(`${status} in no shape of an error: ${text.slice(0, 300)}`);
  if (message.length > 2000) throw new Failure(`an error of ${message.length} characters: ${message.slice(0, 200)}`);
}

function checkEvents(text) {
  const data = text
    .split('\n\n')
    .filter((event) => event.trim() !== '')
    .map((event) => /^data: (.*)$/m.exec(event)?.[1]);
  const last = data.at(-1);
  const all = data.filter((one) => one !== '[DONE]').map((one) => JSON.parse(one));
  if (last !== '[DONE]' && !all.at(-1).error && !/^response\.(completed|incomplete)$/.test(all.at(-1).type))
    throw new Failure(`events without an end: ${text.slice(-200)}`);
}

/** After all cases. @returns what failed, and more to tell */
export async function finish() {
  const failed = [];
  await new Promise((resolve) => setTimeout(resolve, 1000));
  for (const name of ['plain', 'remote']) {
    const { child, url, ended, said } = servers[name];
    const metrics = await fetch(`${url}/metrics`).then((response) => response.text(), String);
    for (const what of ['running', 'waiting'])
      if (!new RegExp(`^paligemma_requests_${what}\\{.*\\} 0$`, 'm').test(metrics))
        failed.push(`${name}: requests are ${what} still`);
    memory[name].push(residentMB(child.pid));
    const [before, after] = memory[name];
    if (after > before + GROWTH_MB) failed.push(`${name}: memory grows from ${before} to ${after} MB`);
    child.kill('SIGTERM');
    const status = await ended;
    if (status !== 0) failed.push(`${name} ends with ${status}: ${said().slice(-500)}`);
  }
  if (servers.inner.seen.length > 0) failed.push(`asked the loopback for ${servers.inner.seen.slice(0, 5)}`);
  return { failed, told: { memoryMB: memory, fetched: servers.outer.seen.length } };
}
