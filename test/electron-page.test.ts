// A page of Chromium asks the model through the parts that Electron applications use: the built ones of page and preload script.
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'puppeteer-core';
import sharp from 'sharp';
import { type PageServer, servePages } from '../lib/electron/main.js';
import { PaliGemma } from '../lib/index.js';
import { bridge } from './helpers/browser-bridge.js';
import { EMBEDDED, FIXTURES, PICTURE, ROOT, scratch, within } from './helpers/fixtures.js';
import { chromium, launch } from './helpers/page-driver.js';

const OWL = 'an owl and a cat';

(chromium ? describe : describe.skip)('a page', () => {
  const main = new EventEmitter();
  let browser: Browser;
  let model: PaliGemma;
  let server: PageServer;
  let page: Page;
  const file = path.join(scratch('page'), 'index.html');
  beforeAll(async () => {
    fs.cpSync(path.join(ROOT, 'dist', 'electron', 'renderer.js'), path.join(path.dirname(file), 'renderer.js'));
    fs.writeFileSync(
      file,
      `<!doctype html><script type="module">
        import { connect, PaliGemmaError } from './renderer.js';
        const bytes = Uint8Array.from(atob('${fs.readFileSync(PICTURE, 'base64')}'), (c) => c.charCodeAt(0));
        Object.assign(globalThis, { model: connect(), decoding: connect({ decode: 'page' }), PaliGemmaError, picture: new File([bytes], 'a.png'), bytes });
      </script>`,
    );
    [browser, model] = await Promise.all([launch('--allow-file-access-from-files'), PaliGemma.load(EMBEDDED)]);
    server = servePages(main, () => model);
    page = await open();
  }, within(60_000));
  afterAll(async () => {
    server?.close();
    await Promise.all([browser?.close(), model?.dispose()]);
  });

  async function open(): Promise<Page> {
    const opened = await browser.newPage();
    await bridge(opened, main);
    await opened.goto(pathToFileURL(file).href);
    await opened.waitForFunction('globalThis.model !== undefined');
    return opened;
  }
  const evaluate = (code: string, on = page) => on.evaluate(`(async () => { ${code} })()`);

  test('asks about files, blobs, bytes, data URLs and what a canvas shows', async () => {
    const code = `const bitmap = await createImageBitmap(picture);
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      context.drawImage(bitmap, 0, 0);
      const pixels = context.getImageData(0, 0, bitmap.width, bitmap.height);
      const url = await new Promise((resolve) => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result);
        reader.readAsDataURL(picture);
      });
      return Promise.all([picture, new Blob([bytes]), bytes, bytes.buffer, url, pixels].map((image) => model.caption(image)));`;
    expect(await evaluate(code)).toEqual(Array(6).fill(OWL));
  });

  test('gets text in pieces, boxes, masks and features', async () => {
    const code = `const pieces = [];
      const stream = model.stream('caption', picture, { language: 'en' });
      for await (const text of stream) pieces.push(text);
      const [{ label, box, mask }] = await model.segment(picture, 'owl');
      const features = await model.encode(picture);
      return { pieces, text: (await stream.result).text, label, box, size: [mask.data.length, mask.width * mask.height],
        set: mask.data.filter((value) => value === 255).length, features: [features.constructor.name, features.length] };`;
    const [{ label, box, mask }] = (await model.segment(PICTURE, 'owl')) as [
      Awaited<ReturnType<PaliGemma['segment']>>[0],
    ];
    const told = (await evaluate(code)) as { pieces: string[] };
    expect(told.pieces.length).toBeGreaterThan(1);
    expect(told).toEqual({
      ...{ pieces: told.pieces, text: told.pieces.join(''), label, box },
      size: [mask?.data.length, mask?.data.length],
      set: mask?.data.filter((value) => value === 255).length,
      features: ['Float32Array', (await model.encode(PICTURE)).length],
    });
  });

  test('decodes pictures itself where it is asked to: upright, and so that the answers stay', async () => {
    const sent: unknown[] = [];
    main.on('node-paligemma:paligemma:ask', (_event, _id, { images }) =>
      sent.push(...images.map(({ width, height }: { width: number; height: number }) => [width, height])),
    );
    const file = path.join(FIXTURES, 'images', 'exif-6.jpg');
    const lying = fs.readFileSync(file).toString('base64');
    const code = `const told = await Promise.all([picture, bytes, bytes.buffer].map((image) => decoding.caption(image)));
      const lying = await (await fetch('data:image/jpeg;base64,${lying}')).blob();
      const run = await decoding.detect(picture, 'owl');
      return { told, box: run[0].box, lying: typeof await decoding.caption(lying),
        broken: await decoding.caption(new Blob(['no picture'])).catch(({ code, message }) => code + ' ' + message) };`;
    const [{ box }] = (await model.detect(PICTURE, 'owl')) as [Awaited<ReturnType<PaliGemma['detect']>>[0]];
    expect(await evaluate(code)).toEqual({
      ...{ told: Array(3).fill(OWL), box, lying: 'string' },
      broken: expect.stringMatching(/^ERR_INVALID_IMAGE the Blob of 10 bytes cannot be decoded: /),
    });
    main.removeAllListeners('node-paligemma:paligemma:ask');
    server.close();
    server = servePages(main, () => model);
    const sizes = [];
    for (const name of [...Array(4).fill(PICTURE), file]) {
      const { info } = await sharp(name).rotate().toBuffer({ resolveWithObject: true });
      sizes.push([info.width, info.height]);
    }
    expect(sent).toEqual(expect.arrayContaining(sizes));
    expect(sent).toHaveLength(5);
  });

  test('gets errors with their codes, and aborts with its own reasons', async () => {
    const code = `const tell = (error) => [error instanceof PaliGemmaError, error instanceof PaliGemmaError ? error.code : error.name];
      const long = { prompt: 'caption en', maxTokens: 900, temperature: 20, signal: AbortSignal.timeout(20) };
      return Promise.all([model.caption(new Blob(['no picture'])), model.caption('/etc/hosts'), model.caption(picture, { maxTokens: 0 }),
        model.caption(document.body), model.generate(long)].map((call) => call.then(() => 'answered', tell)));`;
    const invalid = [true, 'ERR_INVALID_ARGUMENT'];
    expect(await evaluate(code)).toEqual([
      [true, 'ERR_INVALID_IMAGE'],
      invalid,
      invalid,
      invalid,
      [false, 'TimeoutError'],
    ]);
  });

  test('is forgotten when it is reloaded or closed, and asks anew', async () => {
    const asked = jest.spyOn(model, 'generate');
    const aborted = () => asked.mock.calls.map(([{ signal }]) => signal?.aborted);
    const other = await open();
    const ask = async (times: number) => {
      const request = '{ prompt: "caption en", maxTokens: 900, temperature: 20 }';
      await evaluate(`model.generate(${request}).catch(() => {});`, other);
      while (asked.mock.calls.length < times) await new Promise((resolve) => setTimeout(resolve, 1));
    };
    await ask(1);
    await other.reload();
    await other.waitForFunction('globalThis.model !== undefined');
    expect(aborted()).toEqual([true]);
    expect(await evaluate('return model.caption(picture)', other)).toBe(OWL);
    await ask(2);
    await other.close();
    expect(aborted()).toEqual([true, true]);
    expect(await evaluate('return model.caption(picture)')).toBe(OWL);
  });
});
