// How the server and its requests end: told to, killed, left by their clients, too slow or too many.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { type RunningServer, startServer } from '../../cli/serve/server.js';
import { type Running, start } from '../helpers/command.js';
import { PICTURE, within } from '../helpers/fixtures.js';

const OWL = 'an owl and a cat';
const IMAGE = `data:image/png;base64,${fs.readFileSync(PICTURE).toString('base64')}`;
const content = (text: string) => [
  { type: 'text', text },
  { type: 'image_url', image_url: { url: IMAGE } },
];
const chat = (more: object) => ({ messages: [{ role: 'user', content: content('caption en') }], ...more });
/** Sampled, with a seed by which it goes on for as many tokens as it may: most others end at once. */
const long = (more: object = {}) => chat({ max_tokens: 800, temperature: 2, seed: 1, ...more });

const processes: Running[] = [];
const servers: RunningServer[] = [];
afterEach(async () => {
  for (const { child } of processes) child.kill('SIGKILL');
  await Promise.all(processes.splice(0).map(({ done }) => done));
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

/** `paligemma serve` on a port of its own, with its model loaded. */
async function serve(...args: string[]): Promise<Running & { url: string }> {
  const running = start(['serve', '--port', '0', '--metrics', ...args], { input: null });
  processes.push(running);
  const url = await new Promise<string>((resolve, reject) => {
    let said = '';
    running.child.stdout?.on('data', (text) => {
      said += text;
      const [found] = /http:\S+(?=\s)/.exec(said) ?? [];
      if (found) resolve(found);
    });
    running.done.then(({ err }) => reject(new Error(err)));
  });
  expect(await captionAt(url)).toBe(OWL);
  return { ...running, url };
}

const post = (url: string, body: object, signal?: AbortSignal) =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });

async function captionAt(url: string): Promise<string> {
  const response = await post(url, chat({}));
  const body = (await response.json()) as { choices?: { message: { content: string } }[] };
  return body.choices?.[0]?.message.content ?? JSON.stringify(body);
}

/** What became of a request: its status and code, `closed` before its head, `whole` or `error` of a stream, or how it is broken. */
async function outcome(asked: Promise<Response>): Promise<string> {
  const response = await asked.catch(() => undefined);
  if (!response) return 'closed';
  const text = await response.text().catch(() => undefined);
  if (text === undefined) return 'half-sent';
  if (response.status !== 200) return `${response.status} ${JSON.parse(text).error.code}`;
  if (!response.headers.get('content-type')?.includes('event-stream'))
    return typeof JSON.parse(text).choices[0].message.content === 'string' ? 'whole' : text;
  if (text.endsWith('data: [DONE]\n\n')) return 'whole';
  return /"error":\{"message":"[^}]*"code":"ERR_\w+"\}\}\n\n$/.test(text) ? 'error' : `cut off: ${text.slice(-100)}`;
}

async function running(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^paligemma_requests_running\{.*\} (\d+)$/m.exec(text)?.[1]);
}

/** Looks again and again; the test's own limit ends it. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + within(50_000);
  while (!(await holds())) {
    if (performance.now() > end) throw new Error('it never held'); // or the test would keep Jest from ending
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('a server that is told to end', () => {
  test(
    'finishes what runs, refuses what waits, and has status 0',
    async () => {
      const { url, child, done, err } = await serve();
      const all = Array.from({ length: 48 }, (_, i) =>
        outcome(post(url, long({ max_tokens: 60, stream: i % 2 === 0 }))),
      );
      await until(async () => (await running(url)) > 0);
      child.kill('SIGTERM');
      await until(() => err().includes('finishing what is begun'));
      const later = outcome(post(url, chat({})));
      const outcomes = await Promise.all(all);
      expect(outcomes.filter((one) => !/^(whole|closed|503 ERR_STOPPING)$/.test(one))).toEqual([]);
      expect(outcomes).toContain('whole');
      expect(await later).toMatch(/^(closed|503 ERR_STOPPING)$/);
      expect(await done).toMatchObject({ status: 0 });
    },
    within(120_000),
  );

  test(
    'after the grace tells who still waits, ends streams with an error, and has status 0',
    async () => {
      const { url, child, done } = await serve('--grace', '0');
      const all = Array.from({ length: 24 }, (_, i) => outcome(post(url, long({ stream: i % 2 === 0 }))));
      await until(async () => (await running(url)) > 0);
      child.kill('SIGTERM');
      const outcomes = await Promise.all(all);
      expect(outcomes.filter((one) => !/^(whole|error|closed|503 ERR_(STOPPING|DISPOSED))$/.test(one))).toEqual([]);
      expect(await done).toMatchObject({ status: 0 });
    },
    within(120_000),
  );

  test(
    'twice ends at once, with status 130',
    async () => {
      const { url, child, done, err } = await serve();
      const all = Array.from({ length: 16 }, () => outcome(post(url, long())));
      await until(async () => (await running(url)) > 0);
      child.kill('SIGTERM');
      await until(() => err().includes('finishing what is begun'));
      child.kill('SIGTERM');
      expect(await done).toMatchObject({ status: 130 });
      await Promise.all(all);
    },
    within(120_000),
  );

  test(
    'does not wait for a client that has stopped sending',
    async () => {
      const { url, child, done } = await serve('--grace', '1');
      const socket = net.connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
      const type = 'multipart/form-data; boundary=x';
      const part = '--x\r\ncontent-disposition: form-data; name="other"; filename="a"\r\n\r\nbytes and more';
      socket.write(
        `POST /v1/tasks/caption HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: 99999\r\n\r\n${part}`,
      );
      await once(socket, 'data');
      child.kill('SIGTERM');
      expect(await done).toMatchObject({ status: 0 });
    },
    within(60_000),
  );
});

const engineOf = (pid: number | undefined): number | undefined =>
  execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, ...args]) => Number(parent) === pid && args.join(' ').includes('engine-process'))
    .map(([engine]) => Number(engine))[0];

const onUnix = process.platform === 'win32' ? test.skip : test;
onUnix(
  'an engine that is killed costs its requests an error, and the next one is answered',
  async () => {
    const { url, child } = await serve();
    for (let round = 0; round < 2; round++) {
      const outcomes: string[] = [];
      let killed = false;
      // They ask again and again, so that there is work under way when it dies.
      const all = Array.from({ length: 16 }, async (_, i) => {
        do outcomes.push(await outcome(post(url, long({ stream: i % 2 === 0 }))));
        while (!killed);
      });
      await until(async () => (await running(url)) > 4);
      const engine = engineOf(child.pid);
      expect(engine).toBeDefined();
      process.kill(engine as number, 'SIGKILL');
      killed = true;
      await Promise.all(all);
      expect(outcomes.filter((one) => !/^(whole|error|503 ERR_ENGINE_DIED)$/.test(one))).toEqual([]);
      expect(outcomes.some((one) => one !== 'whole')).toBe(true);
      expect(await captionAt(url)).toBe(OWL);
    }
    expect(await running(url)).toBe(0);
  },
  within(120_000),
);

describe('a client that leaves', () => {
  test.each([false, true])(
    'ends the work for it (streamed: %s)',
    async (stream) => {
      const { url } = await serve();
      const leaving = new AbortController();
      const asked = Array.from({ length: 8 }, () =>
        post(url, long({ stream }), leaving.signal)
          .then((response) => response.text())
          .catch(() => 'left'),
      );
      await until(async () => (await running(url)) > 0);
      leaving.abort();
      await Promise.all(asked);
      await until(async () => (await running(url)) === 0);
      expect(await captionAt(url)).toBe(OWL);
    },
    within(120_000),
  );

  test(
    'ends the work for all that it asked at once on a connection',
    async () => {
      const { url } = await serve('--max-queue', '64');
      const socket = net.connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
      const body = JSON.stringify(long());
      const one = `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
      socket.write(one.repeat(6));
      await until(async () => (await running(url)) > 1);
      socket.destroy();
      await until(async () => (await running(url)) === 0);
    },
    within(60_000),
  );
});

describe('a server under way in this process', () => {
  const here = async (options: Parameters<typeof startServer>[0], sending?: Parameters<typeof startServer>[3]) => {
    const server = await startServer(options, 0, pino({ enabled: false }), sending);
    servers.push(server);
    return server.url;
  };

  test('answers 408 to who does not send the body', async () => {
    const url = await here({}, { requestTimeout: 300, connectionsCheckingInterval: 50 });
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
    socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n');
    socket.write('content-length: 100\r\n\r\n{');
    let answer = '';
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text;
    });
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ error: { code: 'ERR_TIMEOUT' } });
  });

  test('writes no refusal into a half-sent answer', async () => {
    const url = await here({});
    expect(await captionAt(url)).toBe(OWL);
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
    const body = JSON.stringify(long({ stream: true }));
    socket.write(
      `POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    let answer = '';
    socket.setEncoding('utf8').on('data', (text) => {
      answer += text;
    });
    await until(() => answer.includes('data: '));
    socket.write('no request at all\r\n\r\n');
    await once(socket, 'close');
    expect(answer).not.toContain('HTTP/1.1 400');
  });

  test('answers 429 with a time to wait when too many wait', async () => {
    // With room for few: otherwise a fast machine answers each before the next one comes.
    const url = await here({ queueLimit: 0, models: [{ model: 'embedded', load: { maxSequences: 1 } }] });
    expect(await captionAt(url)).toBe(OWL);
    const leaving = new AbortController();
    const refused: Response[] = [];
    const all = Array.from({ length: 200 }, () =>
      post(url, long(), leaving.signal)
        .then((response) => {
          if (response.status === 429) refused.push(response);
        })
        .catch(() => {}),
    );
    await until(() => refused.length > 0);
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
    expect(await refused[0]?.json()).toMatchObject({ error: { code: 'ERR_BUSY', type: 'rate_limit_error' } });
    leaving.abort();
    await Promise.all(all);
  });

  test('answers 408 in the shape of other errors when it takes too long itself', async () => {
    const url = await here({ timeout: 0.05 });
    expect(await outcome(post(url, long()))).toBe('408 ERR_TIMEOUT');
  });
});

describe('requests that mean harm', () => {
  const here = async () => {
    const server = await startServer({}, 0, pino({ enabled: false }));
    servers.push(server);
    return server.url;
  };
  const shaped = (schema: object) =>
    chat({
      messages: [{ role: 'user', content: content('is it a cat?') }],
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema } },
    });

  test('with schemas that would end the server, or never end, are refused', async () => {
    const url = await here();
    const choice = { type: 'string', enum: ['yes', 'no'] };
    const twice = (i: number) => ({ allOf: Array(2).fill({ $ref: `#/definitions/d${i + 1}` }) });
    const definitions = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`d${i}`, twice(i)]));
    let deep: object = choice;
    for (let i = 0; i < 1000; i++) deep = { not: deep };
    const schemas = [
      { ...choice, $async: true, minLength: 9 },
      { ...choice, allOf: [{ $ref: '#' }] },
      { ...choice, definitions: { ...definitions, d40: choice }, $ref: '#/definitions/d0' },
      { enum: ['yes', 'no'], not: deep },
    ];
    for (const schema of schemas) expect(await outcome(post(url, shaped(schema)))).toBe('400 ERR_INVALID_ARGUMENT');
    expect(await outcome(post(url, shaped(choice)))).toBe('whole');
  });

  test('at paths that cannot be read are refused in words of the server', async () => {
    const url = await here();
    for (const path of ['/v1/models/%E0%A4', `/page/downloads/${'x'.repeat(3000)}`]) {
      const response = await fetch(`${url}${path}?secret`, { method: 'DELETE' });
      expect(response.headers.get('x-request-id')).toMatch(/^[\w-]+$/);
      expect(await response.json()).toMatchObject({ error: { message: 'the path cannot be read' } });
    }
  });

  test('with half of a character are answered', async () => {
    const url = await here();
    const half = { messages: [{ role: 'user', content: content('what is \ud800?') }] };
    expect(await outcome(post(url, half))).toBe('whole');
  });

  test('with forms that are broken or too large are refused', async () => {
    const url = await here();
    const send = (body: Buffer, boundary: string) =>
      new Promise<string>((resolve, reject) => {
        const headers = { 'content-type': `multipart/form-data${boundary}`, 'content-length': body.length };
        const asked = http.request(`${url}/v1/tasks/caption`, { method: 'POST', headers }, async (response) => {
          let text = '';
          for await (const piece of response) text += piece;
          resolve(`${response.statusCode} ${JSON.parse(text).error.code}`);
        });
        asked.on('error', reject).end(body);
      });
    const part = Buffer.from('--x\r\ncontent-disposition: form-data; name="image"; filename="a.png"\r\n\r\nbytes');
    expect(await send(part, '; boundary=x')).toBe('400 ERR_INVALID_ARGUMENT');
    expect(await send(part, '; boundary=y')).toBe('400 ERR_INVALID_ARGUMENT');
    expect(await send(part, '')).toBe('400 ERR_INVALID_ARGUMENT');
    const field = Buffer.from(
      `--x\r\ncontent-disposition: form-data; name="image"\r\n\r\n${'a'.repeat(70_000)}\r\n--x--\r\n`,
    );
    expect(await send(field, '; boundary=x')).toBe('413 ERR_BODY_TOO_LARGE');
  });
});
