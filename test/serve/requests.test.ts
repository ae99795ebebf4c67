// What the server makes of requests: good ones, wrong ones, and those of strangers.
import fs from 'node:fs';
import http from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import Fastify from 'fastify';
import sharp from 'sharp';
import { paligemmaServer } from '../../cli/serve/index.js';
import type { RunningServer } from '../../cli/serve/server.js';
import { PaliGemma } from '../../lib/index.js';
import { EMBEDDED, PICTURE } from '../helpers/fixtures.js';
import { asDataUrl, post, serve } from '../helpers/server.js';

const bytes = fs.readFileSync(PICTURE);
const picture = asDataUrl(bytes);

let model: PaliGemma;
let server: RunningServer;
beforeAll(async () => {
  model = await PaliGemma.load('embedded');
  server = await serve({
    models: [{ model: 'embedded' }, { id: 'second', model: EMBEDDED }],
    allowedHosts: ['vision.example'],
    corsOrigins: ['https://app.example'],
    metrics: true,
    bodyLimit: 1 << 20,
  });
});
afterAll(async () => {
  await server.close(5);
  await model.dispose();
});

const task = (name: string, body: unknown, headers?: Record<string, string>) =>
  post(`${server.url}/v1/tasks/${name}`, body, headers);
const chat = (content: unknown, rest: object = {}, headers?: Record<string, string>) =>
  post(`${server.url}/v1/chat/completions`, { messages: [{ role: 'user', content }], ...rest }, headers);
const about = (text: string, url: unknown = picture) => [
  { type: 'text', text },
  { type: 'image_url', image_url: url },
];

describe('tasks', () => {
  test('answer as the library does', async () => {
    const text = await task('caption', { image: picture, language: 'es' });
    expect(text).toMatchObject({
      status: 200,
      body: { model: 'embedded', text: 'un búho y un gato', finishReason: 'stop' },
    });
    const found = await task('detect', { image: picture, labels: ['owl', 'cat'] });
    const own = await model.detect(PICTURE, ['owl', 'cat']);
    expect(found.body.objects).toHaveLength(own.length);
    for (const [i, one] of own.entries()) {
      expect(found.body.objects[i]).toMatchObject({ label: one.label, box: one.box });
      expect(found.body.objects[i].score).toBeCloseTo(one.score, 4);
    }
    const { body: outlined } = await task('segment', { image: picture, labels: 'owl' });
    expect(outlined.objects[0].mask).toMatchObject({ size: [320, 480], counts: expect.any(String) });
    const chosen = await task('choose', {
      image: picture,
      question: 'which animal is it?',
      choices: ['owl', 'dog'],
      score: true,
    });
    expect(chosen.body.choice.probabilities).toHaveLength(2);
    const written = await task('generate', { image: picture, prompt: 'caption en', logprobs: 1 });
    expect(written.body).toMatchObject({ text: 'an owl and a cat', logprobs: expect.any(Array) });
    const { logprob } = await model.score({ prompt: 'caption en', images: [PICTURE], answer: 'an owl' });
    const scored = await task('score', { image: picture, prompt: 'caption en', answer: 'an owl' });
    expect(scored.body.logprob).toBeCloseTo(logprob, 4);
  });

  test('give features in both encodings', async () => {
    const own = await model.encode(PICTURE);
    const { body } = await task('encode', { image: picture });
    const features = Buffer.from(body.features, 'base64');
    expect(body.shape).toEqual([64, 256]);
    expect(features.readFloatLE(0)).toBeCloseTo(own[0] as number, 5);
    expect((await task('encode', { image: picture, encoding: 'float' })).body.features).toHaveLength(own.length);
  });

  test('draw what they found for who wants a picture', async () => {
    const { headers, body } = await task('detect', { image: picture, labels: 'owl' }, { accept: 'image/png' });
    expect(headers.get('content-type')).toBe('image/png');
    expect(await sharp(body as Buffer).metadata()).toMatchObject({ format: 'png', width: 480, height: 320 });
  });

  test('take forms, with options in text form', async () => {
    const form = new FormData();
    form.append('image', new Blob([bytes], { type: 'image/png' }), 'a.png');
    form.append('question', 'which animal is it?');
    for (const choice of ['owl', 'dog']) form.append('choices', choice);
    form.append('score', 'true');
    form.append('maxTokens', '20');
    const response = await fetch(`${server.url}/v1/tasks/choose`, { method: 'POST', body: form });
    const asked = { question: 'which animal is it?', choices: ['owl', 'dog'] };
    const own = await model.choose(PICTURE, asked, { score: true });
    expect(await response.json()).toMatchObject({
      choice: { text: own.text, probabilities: [expect.any(Number), expect.any(Number)] },
    });
    const odd = new FormData();
    odd.append('photo', new Blob([bytes]), 'a.png');
    const refused = await fetch(`${server.url}/v1/tasks/caption`, { method: 'POST', body: odd });
    expect([refused.status, ((await refused.json()) as { error: { code: string } }).error.code]).toEqual([
      400,
      'ERR_INVALID_ARGUMENT',
    ]);
  });

  test('stream pieces, and then all of it', async () => {
    const { body } = await task('caption', { image: picture, stream: true });
    const events = String(body).trim().split('\n\n');
    expect(events.pop()).toBe('data: [DONE]');
    const told = events.map((one) => JSON.parse(one.slice('data: '.length)));
    const result = told.pop();
    expect(told.map(({ text }) => text).join('')).toBe('an owl and a cat');
    expect(result).toMatchObject({ type: 'result', text: 'an owl and a cat', usage: { imageTokens: 64 } });
  });

  test('name what is wrong', async () => {
    const wrong = async (name: string, body: unknown) => {
      const { status, body: told } = await task(name, body);
      return [status, told.error.param, told.error.message];
    };
    expect(await wrong('caption', { image: picture, langage: 'es' })).toEqual([
      400,
      'langage',
      'langage is no option here',
    ]);
    expect(await wrong('answer', { image: picture })).toEqual([400, 'question', 'question is missing']);
    expect(await wrong('caption', {})).toEqual([400, 'image', 'the task caption needs a picture']);
    expect(await wrong('caption', { image: picture, maxTokens: 0 })).toEqual([
      400,
      'maxTokens',
      expect.stringContaining('>= 1'),
    ]);
    expect(await wrong('caption', { image: 7 })).toEqual([400, 'image', expect.any(String)]);
    expect(await wrong('caption', '{"image":')).toEqual([400, null, expect.any(String)]);
    expect((await wrong('detect', { image: picture, labels: [' '] }))[0]).toBe(400);
    expect((await wrong('nothing', { image: picture }))[0]).toBe(404);
    expect((await wrong('caption', { image: asDataUrl(Buffer.alloc(2 << 20)) }))[0]).toBe(413);
    expect((await task('caption', 'x=1', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(415);
  });
});

describe('pictures', () => {
  test('are bytes of the request: no file of this machine, no address', async () => {
    for (const image of [
      PICTURE,
      `file://${PICTURE}`,
      '../package.json',
      'http://127.0.0.1:1/x.png',
      'https://example.org/x.png',
    ])
      for (const { status, body } of [
        await task('caption', { image }),
        await chat(about('caption en', { url: image })),
      ])
        expect([status, body.error.type]).toEqual([400, 'invalid_request_error']);
  });

  test('at addresses are fetched where that is allowed, and from public ones alone', async () => {
    let asked = 0;
    const inside = http.createServer((_, response) => {
      asked++;
      response.setHeader('content-type', 'image/png').end(bytes);
    });
    await new Promise<void>((resolve) => inside.listen(0, '127.0.0.1', resolve));
    const { port } = inside.address() as { port: number };
    const open = await serve({ allowRemoteImages: true });
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '0x7f000001', '169.254.169.254']) {
      const { status, body } = await post(`${open.url}/v1/tasks/caption`, { image: `http://${host}:${port}/a.png` });
      expect([status, body.error.code]).toEqual([400, 'ERR_INVALID_IMAGE']);
    }
    expect(asked).toBe(0);
    await open.close(1);
    inside.close();
  });

  test('that are none are refused, as those that hold too much', async () => {
    const declared = Buffer.from(bytes);
    declared.writeUInt32BE(100_000, 16); // its width, which its checksum no longer fits either
    for (const image of [asDataUrl(Buffer.from('GIF89a')), asDataUrl(declared), 'data:image/png;base64,!!', 'data:,'])
      expect((await task('caption', { image })).body.error).toMatchObject({ code: 'ERR_INVALID_IMAGE' });
  });
});

describe('conversations', () => {
  test('of several messages are refused, with the reason', async () => {
    const messages = [
      { role: 'user', content: about('caption en') },
      { role: 'assistant', content: 'an owl and a cat' },
      { role: 'user', content: 'caption es' },
    ];
    const { status, body } = await post(`${server.url}/v1/chat/completions`, { messages });
    expect([status, body.error.message]).toEqual([400, expect.stringMatching(/answers one message/)]);
    const lenient = await serve({ lenient: true });
    const instructed = [{ role: 'system', content: 'be kind' }, ...messages];
    const answered = await post(`${lenient.url}/v1/chat/completions`, { messages: instructed });
    expect(answered.body.choices[0].message.content).toBe('un búho y un gato'); // of the picture before
    expect(answered.headers.get('x-paligemma-ignored')).toBe('system message, 2 earlier messages');
    await lenient.close(1);
  });

  test('take a picture as an object or as a bare URL, and null for nothing', async () => {
    const nothing = {
      max_tokens: null,
      stop: null,
      n: null,
      tools: null,
      response_format: null,
      user: 'me',
      metadata: {},
    };
    for (const url of [picture, { url: picture, detail: 'low' }])
      expect((await chat(about('caption en', url), nothing)).body.choices[0].message.content).toBe('an owl and a cat');
  });

  test('stop where they are told', async () => {
    const { body } = await chat(about('caption en'), { max_completion_tokens: 2 });
    expect(body.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 'an owl' } });
    expect((await chat(about('caption en'), { stop: ' and' })).body.choices[0].message.content).toBe('an owl');
    const drawn = { temperature: 1, seed: -5 };
    const [first, again] = [await chat(about('caption en'), drawn), await chat(about('caption en'), drawn)];
    expect(first.body.choices).toEqual(again.body.choices);
  });

  test('tell what no answer can be', async () => {
    const schema = (inner: object) => ({
      response_format: { type: 'json_schema', json_schema: { name: 'x', schema: inner } },
    });
    for (const [text, rest] of [
      ['caption en', { response_format: { type: 'json_object' } }],
      ['caption en', schema({ type: 'object', properties: { poem: { type: 'string' } }, required: ['poem'] })],
      ['detect owl', schema({ type: 'array', items: { type: 'string' } })],
      ['detect owl', schema({ $ref: '#/nowhere' })],
      ['what is it?', schema({ type: 'string', enum: ['one alone'] })],
      ['caption en', { frequency_penalty: 1 }],
      ['caption en', { top_logprobs: 3 }],
    ] as const) {
      const { status, body } = await chat(about(text), rest);
      expect([text, status, body.error.type]).toEqual([text, 400, 'invalid_request_error']);
    }
  });

  test('use a question as it is where friendly prompts are off', async () => {
    const plain = await serve({ friendlyPrompts: false });
    const asked = { messages: [{ role: 'user', content: about('how many animals are there?') }] };
    const { headers, body } = await post(`${plain.url}/v1/chat/completions`, asked);
    const own = await model.generate({ prompt: 'how many animals are there?', images: [PICTURE] });
    expect([headers.get('x-paligemma-prompt'), body.choices[0].message.content]).toEqual([null, own.text]);
    await plain.close(1);
  });
});

/** A request with headers that fetch sets itself. */
const raw = (
  path: string,
  headers: Record<string, string>,
  method = 'GET',
): Promise<{ status: number; headers: http.IncomingHttpHeaders }> =>
  new Promise((resolve, reject) => {
    const request = http.request(`${server.url}${path}`, { method, headers }, (response) => {
      response.resume().on('end', () => resolve({ status: response.statusCode as number, headers: response.headers }));
    });
    request.on('error', reject).end();
  });

describe('strangers', () => {
  test('reach it by its addresses and the names it knows', async () => {
    for (const host of ['localhost:3000', '127.0.0.1', '[::1]:3000', 'vision.example', '192.168.1.7:80'])
      expect((await raw('/v1/models', { host })).status).toBe(200);
    for (const host of ['evil.example', 'localhost.evil.example', 'evil.example:127'])
      expect((await raw('/v1/models', { host })).status).toBe(403);
  });

  test('on pages of other origins may not ask, but for those that are named', async () => {
    expect((await raw('/v1/models', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await raw('/v1/models', { origin: 'null' })).status).toBe(403);
    expect((await raw('/v1/models', { origin: server.url })).status).toBe(200);
    const { status, headers } = await raw('/v1/models', { origin: 'https://app.example' });
    expect([status, headers['access-control-allow-origin']]).toEqual([200, 'https://app.example']);
    const preflight = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
    expect((await raw('/v1/chat/completions', preflight, 'OPTIONS')).status).toBe(204);
  });

  test('without a key see that it lives, and nothing else', async () => {
    const keyed = await serve({ apiKeys: ['one', 'two'], page: true });
    const status = async (path: string, key?: string) =>
      (await fetch(keyed.url + path, key === undefined ? {} : { headers: { authorization: `Bearer ${key}` } })).status;
    expect(await Promise.all(['/health', '/openapi.json', '/page/config', '/'].map((path) => status(path)))).toEqual([
      200, 200, 200, 200,
    ]);
    for (const path of ['/v1/models', '/page/published', '/page/downloads']) {
      expect([await status(path), await status(path, 'three'), await status(path, 'two')]).toEqual([401, 401, 200]);
    }
    await keyed.close(1);
  });

  test('are held to so many requests a minute', async () => {
    const limited = await serve({ rateLimit: 2 });
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push(await fetch(`${limited.url}/v1/models`));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429]);
    expect(Number(answers[2]?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await answers[2]?.json()).toMatchObject({ error: { code: 'ERR_RATE_LIMIT' } });
    await limited.close(1);
  });
});

describe('models', () => {
  test('are asked by name, the first one without', async () => {
    expect((await chat(about('caption en'), { model: 'second' })).body.model).toBe('second');
    expect((await chat(about('caption en'), { model: null })).body.model).toBe('embedded');
    expect((await chat(about('caption en'), { model: 'third' })).body.error).toMatchObject({
      code: 'ERR_MODEL_NOT_FOUND',
    });
    const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as {
      data: { id: string; paligemma: object }[];
    };
    expect(data.map(({ id }) => id)).toEqual(['embedded', 'second']);
    expect(data[0]?.paligemma).toMatchObject({ state: 'loaded', embedded: true, info: { device: expect.any(String) } });
  });

  test('are loaded before the first request where that is wished', async () => {
    const early = await serve({ preload: true });
    let status = 0;
    for (let i = 0; i < 200 && status !== 200; i++) {
      status = (await fetch(`${early.url}/health`)).status;
      expect([200, 503]).toContain(status);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await (await fetch(`${early.url}/v1/models`)).json()).toMatchObject({
      data: [{ paligemma: { state: 'loaded' } }],
    });
    await early.close(1);
  });

  test('that cannot be loaded are told of, at once where that shows at once', async () => {
    await expect(serve({ models: [{ model: '/no/such/model' }] })).rejects.toMatchObject({
      code: 'ERR_MODEL_NOT_FOUND',
    });
    await expect(serve({ models: [{ model: 'embedded' }, { model: 'embedded' }] })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
    const absent = await serve({ models: [{ model: 'nobody/nothing', load: { localFilesOnly: true } }] });
    const { status, body } = await post(`${absent.url}/v1/tasks/caption`, { image: picture });
    expect([status, body.error.code]).toEqual([503, 'ERR_MODEL_NOT_FOUND']);
    await absent.close(1);
  });
});

test('counts what it does, without what was asked', async () => {
  await task('caption', { image: picture });
  const counts = await (await fetch(`${server.url}/metrics`)).text();
  expect(counts).toMatch(/paligemma_requests_total\{route="\/v1\/tasks\/caption",status="200"\} [1-9]/);
  expect(counts).toMatch(/paligemma_tokens_total\{model="embedded",kind="output"\} [1-9]/);
});

test('describes its interface: each task with its options and answer', async () => {
  const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
    paths: Record<string, { post: { requestBody: { content: Record<string, { schema: object }> } } }>;
  };
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining(['/v1/chat/completions', '/v1/responses', '/v1/tasks/detect', '/hf/image-to-text']),
  );
  const body = paths['/v1/tasks/detect']?.post.requestBody;
  expect(body?.content['application/json']?.schema).toMatchObject({
    required: ['labels'],
    properties: { labels: { description: expect.any(String) } },
  });
});

test('is a plugin of other servers, and leaves their ways alone', async () => {
  const app = Fastify({ ajv: { customOptions: { coerceTypes: 'array' } } });
  app.get('/own', async () => ({ own: true }));
  await app.register(paligemmaServer, { prefix: '/vision', page: false });
  const url = await app.listen({ port: 0 });
  const caption = (rest: object) => post(`${url}/vision/v1/tasks/caption`, { image: picture, ...rest });
  expect((await caption({})).body).toMatchObject({ text: 'an owl and a cat' });
  expect((await caption({ maxTokens: '5' })).status).toBe(400); // not made a number of
  expect(await (await fetch(`${url}/own`)).json()).toEqual({ own: true });
  expect(await (await fetch(`${url}/nothing`)).json()).toMatchObject({ statusCode: 404 }); // in Fastify's own words
  await app.close();
});
