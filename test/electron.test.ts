// The bridge of Electron applications over a stand-in for Electron: what pages ask, who may, and what becomes of it.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type PageServer, preloadScript, type ServeOptions, servePages } from '../lib/electron/main.js';
import { exposePaliGemma } from '../lib/electron/preload.js';
import { connect, PaliGemmaError } from '../lib/electron/renderer.js';
import { PaliGemmaError as MainError, PaliGemma } from '../lib/index.js';
import { type FakeWindow, ipcMain, openWindow } from './helpers/fake-electron.js';
import { EMBEDDED, PICTURE, ROOT } from './helpers/fixtures.js';

const OWL = 'an owl and a cat';
const bytes = fs.readFileSync(PICTURE);
const main = ipcMain();

/** The page's side, of a window that has the bridge. */
function page(window: FakeWindow, name?: string) {
  exposePaliGemma(window, { name });
  Object.assign(globalThis, window.exposed);
  return connect({ name });
}

describe('a page', () => {
  let model: PaliGemma;
  let server: PageServer;
  let paligemma: ReturnType<typeof connect>;
  beforeAll(async () => {
    model = await PaliGemma.load(EMBEDDED);
    server = servePages(main, () => model);
    paligemma = page(openWindow(main));
  });
  afterAll(async () => {
    server.close();
    await model.dispose();
  });

  test('gives pictures in every form, and gets what the model gives', async () => {
    const image = new Blob([bytes]);
    const own = new Uint8Array(bytes);
    for (const given of [image, own, own.buffer, `data:image/png;base64,${bytes.toString('base64')}`])
      expect(await paligemma.caption(given)).toBe(OWL);
    const pixels = { data: new Uint8ClampedArray(64 * 64 * 4).fill(255), width: 64, height: 64 };
    expect(await paligemma.caption(pixels)).toBe(await model.caption(pixels));
    expect(await paligemma.info()).toEqual(model.info);
    expect(await paligemma.detect(image, 'owl ; cat')).toEqual(await model.detect(bytes, 'owl ; cat'));
    expect(await paligemma.segment(image, ['owl'])).toEqual(await model.segment(bytes, ['owl']));
    expect(await paligemma.answer([image], 'how many owls are there?')).toBe('1');
    const choices = { question: 'what is there?', choices: ['an owl', 'a dog'] };
    expect(await paligemma.choose(image, choices)).toEqual(await model.choose(bytes, choices));
    expect(await paligemma.choose(null, choices)).toEqual(await model.choose(null, choices));
    expect(await paligemma.encode(image)).toEqual(await model.encode(bytes));
    const scored = { prompt: 'caption en', answer: OWL };
    expect(await paligemma.score({ ...scored, images: [image] })).toEqual(
      await model.score({ ...scored, images: [bytes] }),
    );
    expect(await paligemma.run('caption', image, { language: 'es' })).toMatchObject({
      finishReason: 'stop',
      result: expect.any(String),
    });
    expect(await paligemma.generate({ prompt: 'caption en', images: [image] })).toMatchObject({ text: OWL });
    expect(typeof (await paligemma.read(image))).toBe('string');
  });

  test('gets text in pieces as it comes', async () => {
    for (const stream of [
      paligemma.stream('caption', new Blob([bytes]), { language: 'en' }),
      paligemma.stream({ prompt: 'caption en', images: [new Blob([bytes])] }),
    ]) {
      const pieces: string[] = [];
      for await (const text of stream) pieces.push(text);
      expect(pieces.length).toBeGreaterThan(1);
      expect(pieces.join('')).toBe(OWL);
      expect(await stream.result).toMatchObject({ text: OWL, finishReason: 'stop' });
    }
  });

  test('gets errors with their codes', async () => {
    const broken = paligemma.caption(new Uint8Array([1, 2, 3]));
    await expect(broken).rejects.toBeInstanceOf(PaliGemmaError);
    await expect(broken).rejects.toMatchObject({
      code: 'ERR_INVALID_IMAGE',
      message: expect.stringMatching(/decoded/),
    });
    const wrong: [() => Promise<unknown>, RegExp][] = [
      [() => paligemma.caption(bytes, { maxTokens: -1 }), /maxTokens/],
      [() => paligemma.caption(7 as never), /an image must be.*not 7/],
      [() => paligemma.caption(bytes, { signal: 7 as never }), /signal must be an AbortSignal, not 7/],
      [() => paligemma.caption(bytes, { language: (() => {}) as never }), /cannot be sent to the main process/],
      [() => paligemma.run('nothing' as 'caption', bytes, {}), /task must be one of/],
      [
        () => paligemma.stream('detect' as never, bytes, { labels: 'owl' } as never).result,
        /no text that comes in pieces/,
      ],
    ];
    for (const [ask, message] of wrong)
      await expect(ask()).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringMatching(message),
      });
    const gone = { size: 3, arrayBuffer: () => Promise.reject(new Error('not found')) };
    await expect(paligemma.caption(Object.setPrototypeOf(gone, Blob.prototype))).rejects.toMatchObject({
      code: 'ERR_INVALID_IMAGE',
      message: 'the Blob of 3 bytes cannot be read: not found',
    });
  });

  test('aborts with its own reason', async () => {
    const signal = AbortSignal.timeout(20);
    const long = paligemma.generate({ prompt: 'caption en', maxTokens: 900, temperature: 20, signal });
    expect(await long.catch((error) => error === signal.reason)).toBe(true);
    await expect(paligemma.caption(bytes, { signal: AbortSignal.abort('before') })).rejects.toBe('before');
    for await (const _ of paligemma.stream('caption', bytes, { language: 'en' })) break;
    expect(await paligemma.caption(bytes)).toBe(OWL);
  });

  test('without a bridge is told so', () => {
    expect(() => connect({ decode: 'preload' as 'page' })).toThrow(/decode must be main or page/);
    expect(() => connect({ name: 'none' })).toThrow(/window\.none is no bridge.*exposePaliGemma/);
  });
});

/** A model whose calls last until they are aborted. */
function patient() {
  const signals: AbortSignal[] = [];
  const run = (_task: string, _images: unknown, { signal }: { signal: AbortSignal }) => {
    signals.push(signal);
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
  return { signals, model: { run, info: { name: 'patient' } } as unknown as PaliGemma };
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Serves for one test. */
async function serving(
  load: () => PaliGemma | Promise<PaliGemma>,
  options: ServeOptions,
  work: (server: PageServer) => Promise<void>,
) {
  const server = servePages(main, load, options);
  try {
    await work(server);
  } finally {
    server.close();
  }
}

describe('what a page asked is aborted', () => {
  test.each(['destroyed', 'did-navigate', 'render-process-gone'])(
    'when it is gone (%s), and nobody is answered',
    async (event) => {
      const { signals, model } = patient();
      await serving(
        () => model,
        {},
        async () => {
          const [window, other] = [openWindow(main), openWindow(main)];
          const calls = [window, other].map((one) => page(one).caption(bytes));
          calls.forEach((call) => void call.catch(() => {}));
          await turn();
          window.contents.emit(event);
          expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
          expect(window.contents.listenerCount('did-navigate')).toBe(0);
          if (event === 'destroyed') return;
          page(window)
            .caption(bytes)
            .catch(() => {}); // the page that follows asks anew
          await turn();
          expect(signals.map(({ aborted }) => aborted)).toEqual([true, false, false]);
        },
      );
    },
  );

  test('when its frame has gone unnoticed', async () => {
    const signals: AbortSignal[] = [];
    const stream = (_task: string, _images: unknown, { signal }: { signal: AbortSignal }) => ({
      async *[Symbol.asyncIterator]() {
        signals.push(signal);
        while (!signal.aborted) {
          yield 'and so on';
          await turn();
        }
        throw signal.reason;
      },
    });
    const work = async () => {
      const window = openWindow(main);
      page(window).stream('caption', bytes, { language: 'en' });
      await turn();
      expect(signals[0]?.aborted).toBe(false);
      window.fails = true;
      await turn();
      await turn();
      expect(signals[0]?.aborted).toBe(true);
    };
    await serving(() => ({ stream }) as unknown as PaliGemma, {}, work);
  });

  test('when the page says so, and by nobody else', async () => {
    const { signals, model } = patient();
    await serving(
      () => model,
      {},
      async () => {
        const [window, other] = [openWindow(main), openWindow(main)];
        const ids: string[] = [];
        main.prependOnceListener('node-paligemma:paligemma:ask', (_: unknown, id: string) => ids.push(id));
        const controller = new AbortController();
        const call = page(window).caption(bytes, { signal: controller.signal });
        await turn();
        other.send('node-paligemma:paligemma:abort', ids[0]);
        await turn();
        expect(signals[0]?.aborted).toBe(false);
        controller.abort('enough');
        await expect(call).rejects.toBe('enough');
        await turn();
        expect(signals[0]?.aborted).toBe(true);
      },
    );
  });

  test('when the bridge is closed, which the page is told', async () => {
    const { signals, model } = patient();
    const server = servePages(main, () => model);
    const call = page(openWindow(main)).caption(bytes);
    await turn();
    server.close();
    await expect(call).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
    expect(signals[0]?.aborted).toBe(true);
    expect(main.eventNames()).toEqual([]);
  });
});

describe('loading', () => {
  test('is waited for, and its progress told to who asks for info', async () => {
    const { model } = patient();
    let loaded: (model: PaliGemma) => void = () => {};
    let progress: (progress: { stage: 'load'; done: number; total: number }) => void = () => {};
    const server = servePages(main, (onProgress) => {
      progress = onProgress;
      return new Promise((resolve) => {
        loaded = resolve;
      });
    });
    progress({ stage: 'load', done: 0.1, total: 1 });
    const seen: number[] = [];
    const info = page(openWindow(main)).info({ onProgress: ({ done }) => seen.push(done) });
    await turn();
    progress({ stage: 'load', done: 0.5, total: 1 });
    await turn();
    loaded(model);
    expect(await info).toEqual({ name: 'patient' });
    expect(seen).toEqual([0.1, 0.5]);
    expect(await server.model).toBe(model);
    server.close();
  });

  test('that fails is what every call rejects with', async () => {
    const gated = () => Promise.reject(new MainError('ERR_GATED_MODEL', 'accept the licence'));
    await serving(gated, {}, async (server) => {
      const error = { name: 'PaliGemmaError', code: 'ERR_GATED_MODEL', message: 'accept the licence' };
      const paligemma = page(openWindow(main));
      await expect(paligemma.caption(bytes)).rejects.toMatchObject(error);
      await expect(paligemma.info()).rejects.toMatchObject(error);
      await expect(server.model).rejects.toMatchObject(error);
    });
    const died = () => Promise.reject(new MainError('ERR_ENGINE_DIED', 'it died', { signal: 'SIGKILL' }));
    await serving(died, {}, () => expect(page(openWindow(main)).info()).rejects.toMatchObject({ signal: 'SIGKILL' }));
    const strange = () => {
      throw new TypeError('a mistake');
    };
    await serving(strange, {}, () =>
      expect(page(openWindow(main)).info()).rejects.toMatchObject({ name: 'TypeError', message: 'a mistake' }),
    );
  });

  test('of several models has a bridge each', async () => {
    const [one, two] = ['one', 'two'].map((name) => ({ info: { name } }) as unknown as PaliGemma);
    await serving(
      () => one as PaliGemma,
      {},
      () =>
        serving(
          () => two as PaliGemma,
          { name: 'other' },
          async () => {
            const window = openWindow(main);
            expect(await page(window).info()).toEqual({ name: 'one' });
            expect(await page(window, 'other').info()).toEqual({ name: 'two' });
          },
        ),
    );
  });
});

describe('strangers', () => {
  const refused = { code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(/may not ask the model.*accept/) };
  const { model } = patient();
  const asks = (window: FakeWindow) => page(window).info();

  test('may not ask: only pages of the application', async () => {
    await serving(
      () => model,
      {},
      async () => {
        for (const url of [
          'https://example.com/',
          'http://10.0.0.1:5173/',
          'https://localhost.example.com/',
          'data:text/html,a',
          'about:blank',
          '',
        ])
          await expect(asks(openWindow(main, url))).rejects.toMatchObject(url === '' ? { name: 'TypeError' } : refused);
        for (const url of [
          'file:///C:/app/index.html',
          'app://bundle/index.html',
          'http://localhost:5173/',
          'http://127.0.0.1:1/',
          'http://[::1]:1/',
        ])
          expect(await asks(openWindow(main, url))).toEqual({ name: 'patient' });
        const inner = openWindow(main);
        inner.frame.parent = {};
        await expect(asks(inner)).rejects.toMatchObject(refused);
      },
    );
    await serving(
      () => model,
      { accept: (url) => url.startsWith('https://example.com/') },
      async () => {
        expect(await asks(openWindow(main, 'https://example.com/a'))).toEqual({ name: 'patient' });
        await expect(asks(openWindow(main))).rejects.toMatchObject(refused);
      },
    );
  });

  test('name no pictures unless they are allowed to', async () => {
    const real = await PaliGemma.load(EMBEDDED);
    await serving(
      () => real,
      {},
      async () => {
        for (const image of [PICTURE, new URL('http://127.0.0.1/a.png')])
          await expect(page(openWindow(main)).caption(image)).rejects.toMatchObject({
            code: 'ERR_INVALID_ARGUMENT',
            message: expect.stringMatching(/the picture itself.*option paths/),
          });
      },
    );
    await serving(
      () => real,
      { paths: true },
      async () => expect(await page(openWindow(main)).caption(PICTURE)).toBe(OWL),
    );
    await real.dispose();
  });

  test('who send nonsense get an error, and the others their answers', async () => {
    await serving(
      () => model,
      {},
      async () => {
        const window = openWindow(main);
        const replies: unknown[] = [];
        window.ipcRenderer.on('node-paligemma:paligemma:reply', (_event, id, reply) =>
          replies.push([id, reply.error?.code]),
        );
        const nonsense = [
          undefined,
          null,
          7,
          {},
          { kind: 'dispose', images: [] },
          { kind: 'run', images: 7 },
          { kind: 'encode' },
        ];
        for (const [id, question] of nonsense.entries()) window.send('node-paligemma:paligemma:ask', id, question);
        await turn();
        expect(replies).toEqual(nonsense.map((_, id) => [id, 'ERR_INVALID_ARGUMENT']));
        window.send('node-paligemma:paligemma:abort', {});
        expect(await asks(window)).toEqual({ name: 'patient' });
      },
    );
  });
});

describe('the built parts', () => {
  const built = (name: string) => fs.readFileSync(path.join(ROOT, 'dist', 'electron', name), 'utf8');

  test('of page and preload script are one file each, and need nothing', () => {
    for (const name of ['renderer.js', 'renderer.cjs', 'preload.js', 'preload.cjs', 'preload-script.cjs'])
      expect([...built(name).matchAll(/\brequire\(['"](.*?)['"]\)|^import .*$/gm)].map(([found]) => found)).toEqual(
        name === 'preload-script.cjs' ? ['require("electron")'] : [],
      );
  });

  test('have a preload script that makes the bridge', async () => {
    expect(preloadScript()).toBe(path.join(ROOT, 'dist', 'electron', 'preload-script.cjs'));
    const { model } = patient();
    await serving(
      () => model,
      {},
      async () => {
        const window = openWindow(main);
        new Function('require', fs.readFileSync(preloadScript(), 'utf8'))(
          (name: string) => name === 'electron' && window,
        );
        Object.assign(globalThis, window.exposed);
        expect(await connect().info()).toEqual({ name: 'patient' });
      },
    );
  });
});
