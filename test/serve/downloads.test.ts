// Google's models, fetched from the page: from a hub on the loopback, with the emoji model's weights in their place.

import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RunningServer } from '../../cli/serve/server.js';
import { FakeHub } from '../helpers/fake-hub.js';
import { emoji, PICTURE, scratch } from '../helpers/fixtures.js';
import { asDataUrl, post, serve } from '../helpers/server.js';

const ID = 'google/paligemma-3b-mix-224';
const TOKEN = 'hf_has_access';
const environment = { ...process.env };

let hub: FakeHub;
let server: RunningServer;
beforeAll(async () => {
  hub = await FakeHub.start();
  hub.addRepo(ID, emoji('checkpoint'), { licence: 'gemma', gated: [TOKEN] });
  for (const name of ['HUGGING_FACE_HUB_TOKEN', 'HF_TOKEN_PATH', 'HF_HUB_OFFLINE', 'HF_HUB_DISABLE_IMPLICIT_TOKEN'])
    delete process.env[name];
  Object.assign(process.env, { HF_ENDPOINT: hub.url, HF_TOKEN: TOKEN, HF_HOME: scratch('no-token') });
  server = await serve({ page: true, models: [{ model: 'embedded', load: { cacheDir: scratch('cache') } }] });
});
afterAll(async () => {
  await server.close(5);
  await hub.close();
  for (const name of ['HF_ENDPOINT', 'HF_TOKEN', 'HF_HOME']) delete process.env[name];
  Object.assign(process.env, environment);
});

interface Told {
  id: string;
  state: string;
  error?: { code: string };
}
const downloads = async (): Promise<Told[]> =>
  ((await (await fetch(`${server.url}/page/downloads`)).json()) as { downloads: Told[] }).downloads;

async function settled(id: string): Promise<Told> {
  for (;;) {
    const one = (await downloads()).find((each) => each.id === id);
    if (one && one.state !== 'running') return one;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const start = (body: object, headers = {}) => post(`${server.url}/page/downloads`, body, headers);

test('says that there is a token, and that this page may use it', async () => {
  expect(await (await fetch(`${server.url}/page/config`)).json()).toMatchObject({ downloads: true, hubToken: true });
});

test('refuses what Google has not published, and pages from elsewhere', async () => {
  expect((await start({ model: 'somebody/else' })).status).toBe(400);
  expect((await start({ model: ID, quantization: 'q1' })).status).toBe(400);
  expect((await start({ model: ID }, { origin: 'https://evil.example' })).status).toBe(403);
  expect(await downloads()).toEqual([]);
});

test('cancels a download, tells of one that fails, and serves what it fetched', async () => {
  hub.fault(/model\.safetensors/, { throttle: 1000, times: 1 });
  const { status, body: slow } = await start({ model: ID, quantization: 'q8_0' });
  expect([status, slow.state]).toEqual([202, 'running']);
  expect((await start({ model: ID })).status).toBe(409);
  expect((await fetch(`${server.url}/page/downloads/${slow.id}`, { method: 'DELETE' })).status).toBe(204);
  expect(await settled(slow.id)).toMatchObject({ state: 'cancelled' });

  process.env.HF_TOKEN = 'hf_no_access';
  hub.tokens.add('hf_no_access');
  const { body: refused } = await start({ model: ID, quantization: 'q8_0' });
  expect(await settled(refused.id)).toMatchObject({ state: 'failed', error: { code: 'ERR_GATED_MODEL' } });
  process.env.HF_TOKEN = TOKEN;

  const { body: fetched } = await start({ model: ID, quantization: 'q8_0' });
  expect(await settled(fetched.id)).toMatchObject({ state: 'done', quantization: 'q8_0' });
  const { data } = (await (await fetch(`${server.url}/v1/models`)).json()) as { data: { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(['embedded', ID]);
  const image = asDataUrl(fs.readFileSync(PICTURE));
  const { body } = await post(`${server.url}/v1/tasks/caption`, { model: ID, image });
  expect(body).toMatchObject({ model: ID, text: 'an owl and a cat' });
});
