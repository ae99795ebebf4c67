// The examples do what they say: bundlers, the Electron application's processes and its page, the README's code.
import { execFile } from 'node:child_process';
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { PICTURE, ROOT, scratch, within } from './helpers/fixtures.js';

const EXAMPLES = path.join(ROOT, 'examples');

const node = (args: string[], cwd: string): Promise<{ status: number | null; out: string; err: string }> =>
  new Promise((resolve) => {
    const child = execFile(process.execPath, args, { cwd, encoding: 'utf8', timeout: 120_000 }, (_, out, err) =>
      resolve({ status: child.exitCode, out, err }),
    );
  });

/** A folder whose node_modules has all that is installed here, this package among it: npm links it as a workspace. */
function project(from?: string): string {
  const folder = scratch('project');
  if (from) fs.cpSync(from, folder, { recursive: true });
  const modules = path.join(folder, 'node_modules');
  fs.mkdirSync(modules);
  for (const name of fs.readdirSync(path.join(ROOT, 'node_modules')))
    if (!name.startsWith('.'))
      fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name), 'junction');
  return folder;
}

describe('a program bundled by', () => {
  const webpack = `require('webpack')(require('./webpack.config.cjs'), (error, stats) => {
    if (error || stats.hasErrors()) { console.error(error ?? stats.toString()); process.exit(1); } });`;
  test.each([
    ['esbuild', ['esbuild.config.mjs']],
    ['webpack', ['-e', webpack]],
    ['Vite', [path.join(ROOT, 'node_modules/vite/bin/vite.js'), 'build', '--config', 'vite.config.mjs']],
  ])('%s finds the addon and its model', async (_, args) => {
    const folder = project(path.join(EXAMPLES, 'bundlers'));
    expect(await node(args, folder)).toMatchObject({ status: 0 });
    const bundle = path.join(folder, 'dist', 'app.mjs');
    expect(fs.readFileSync(bundle, 'utf8')).not.toMatch(/node-gyp-build/);
    expect(await node([bundle, PICTURE], folder)).toMatchObject({ status: 0, out: 'an owl and a cat\n' });
  });
});

describe('the Electron application', () => {
  /** As electron-builder lays it out: code within the archive, binaries and models beside it. */
  function packaged(): string {
    const resources = scratch('resources');
    const archive = path.join(resources, 'app.asar');
    fs.cpSync(path.join(EXAMPLES, 'electron'), archive, { recursive: true });
    const inside = path.join(archive, 'node_modules', 'node-paligemma');
    const beside = path.join(resources, 'app.asar.unpacked', 'node_modules', 'node-paligemma');
    for (const [folder, parts] of [
      [inside, ['package.json', 'dist']],
      [beside, ['package.json', 'dist', 'models']],
    ] as const)
      for (const part of parts) fs.cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true });
    fs.mkdirSync(path.join(beside, 'build'));
    fs.symlinkSync(path.join(ROOT, 'build', 'Release'), path.join(beside, 'build', 'Release'), 'junction');
    for (const name of Object.keys(JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8')).dependencies)) {
      const link = path.join(archive, 'node_modules', name);
      fs.mkdirSync(path.dirname(link), { recursive: true });
      fs.symlinkSync(path.join(ROOT, 'node_modules', name), link, 'junction');
    }
    return archive;
  }

  // What Electron gives a utility process, over what Node gives a forked one.
  const UTILITY = `process.parentPort = {
      on: (event, listener) => process.on(event, (data) => listener({ data })), postMessage: (data) => process.send(data) };
    await import('./captioner.js');`;
  const MAIN = `import { fork } from 'node:child_process'; import fs from 'node:fs'; import { Relay } from './relay.js';
    const child = fork('utility.mjs', { serialization: 'advanced' });
    const relay = new Relay({ on: (event, listener) => child.on(event, listener), postMessage: (message) => child.send(message) });
    const picture = new Uint8Array(fs.readFileSync(process.argv[2]));
    const pieces = [];
    const caption = await relay.caption(picture, (text) => pieces.push(text));
    const broken = await relay.caption(new Uint8Array([1, 2, 3]), () => {}).catch((error) => error.message);
    const lost = relay.caption(picture, () => {}).catch((error) => error.message);
    child.kill();
    console.log(JSON.stringify({ caption, pieces, broken, lost: await lost }));`;

  test('captions in the utility process, streamed through the main process, from a packaged layout', async () => {
    const archive = packaged();
    fs.writeFileSync(path.join(archive, 'utility.mjs'), UTILITY);
    fs.writeFileSync(path.join(archive, 'main.mjs'), MAIN);
    const { out } = await node(['main.mjs', PICTURE], archive);
    const { caption, pieces, broken, lost } = JSON.parse(out);
    expect(caption).toBe('an owl and a cat');
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join('')).toBe(caption);
    expect(broken).toMatch(/cannot be decoded/);
    expect(lost).toMatch(/the captioning process ended/);
  });

  describe('its relay', () => {
    class Child extends EventEmitter {
      readonly posted: { id: number }[] = [];
      postMessage(message: { id: number }) {
        this.posted.push(message);
      }
    }
    const relayTo = async (child: Child) => {
      const { Relay } = await import(path.join(EXAMPLES, 'electron', 'relay.js'));
      return new Relay(child) as { caption(image: Uint8Array, onText: () => void): Promise<string> };
    };
    const picture = new Uint8Array(1);
    test('rejects what is asked after its child has gone', async () => {
      const child = new Child();
      const relay = await relayTo(child);
      const before = relay.caption(picture, () => {});
      child.emit('exit', 9);
      await expect(before).rejects.toThrow('the captioning process ended (9)');
      await expect(relay.caption(picture, () => {})).rejects.toThrow('the captioning process ended (9)');
      expect(child.posted).toHaveLength(1);
    });
    test('rejects what cannot be handed to its child, and goes on with the others', async () => {
      const child = new Child();
      const relay = await relayTo(child);
      child.postMessage = () => {
        throw new Error('cannot be cloned');
      };
      await expect(relay.caption(picture, () => {})).rejects.toThrow('cannot be cloned');
      child.postMessage = Child.prototype.postMessage;
      const next = relay.caption(picture, () => {});
      child.emit('message', { id: child.posted[0]?.id, caption: 'an owl' });
      expect(await next).toBe('an owl');
    });
  });

  const chromium = [process.env.CHROME_PATH, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
    (file) => file && fs.existsSync(file),
  );
  const withBrowser = chromium ? describe : describe.skip;
  withBrowser('its page', () => {
    let browser: Browser;
    let page: Page;
    beforeAll(async () => {
      browser = await puppeteer.launch({
        executablePath: chromium as string,
        env: { ...process.env, LD_PRELOAD: '' }, // a sanitizer of ours is nothing for a browser
        args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--allow-file-access-from-files'],
      });
      page = await browser.newPage();
      // The bridge as the preload script gives it: a picture's first byte says what happens.
      await page.evaluateOnNewDocument(() => {
        const steps: (() => void)[] = [];
        Object.assign(globalThis, {
          step: () => steps.shift()?.(),
          captioner: {
            async caption(image: Uint8Array, onText: (text: string) => void) {
              if (image[0] === 0) throw new Error('the image cannot be decoded');
              for (const text of ['an owl', ' and', ` ${image[0]} cats`]) {
                await new Promise<void>((resolve) => steps.push(resolve));
                onText(text);
              }
              await new Promise<void>((resolve) => steps.push(resolve));
              return `an owl and ${image[0]} cats`;
            },
          },
        });
      });
      await page.goto(`file://${path.join(EXAMPLES, 'electron', 'renderer', 'index.html')}`);
    }, within(60_000));
    afterAll(() => browser?.close());

    // Code for the page is text: its types are not Node's.
    const drop = (first: number) =>
      page.evaluate(`{
        const files = new DataTransfer();
        files.items.add(new File([new Uint8Array([${first}, 1])], 'picture.png', { type: 'image/png' }));
        document.getElementById('drop').dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true }));
      }`);
    const caption = () => page.$eval('#caption', (element) => [element.textContent, element.className]);
    const until = (text: string) =>
      page.waitForFunction(`document.getElementById('caption').textContent === ${JSON.stringify(text)}`, {
        timeout: 10_000,
      });
    const step = () => page.evaluate(() => (globalThis as unknown as { step(): void }).step());

    test('shows a dropped picture and its caption as it comes', async () => {
      await drop(2);
      await until('…');
      expect(await page.$eval('#picture', (image) => image.getAttribute('src'))).toMatch(/^blob:/);
      for (const text of ['an owl', 'an owl and', 'an owl and 2 cats']) {
        await step();
        await until(text);
      }
      await step();
      expect(await caption()).toEqual(['an owl and 2 cats', '']);
    });

    test('a later picture takes the place of one that is still being described', async () => {
      await drop(3);
      await until('…');
      await drop(4);
      for (let i = 0; i < 8; i++) await step();
      await until('an owl and 4 cats');
    });

    test('says what went wrong', async () => {
      await drop(0);
      await until('the image cannot be decoded');
      expect(await caption()).toEqual(['the image cannot be decoded', 'error']);
    });
  });
});

describe('the README', () => {
  test('its first program runs as it stands and prints what it says', async () => {
    const readme = fs.readFileSync(path.join(ROOT, 'README.md'), 'utf8');
    const code = readme.match(/```js\n(import[\s\S]*?)```/)?.[1] as string;
    const expected = [...code.matchAll(/console\.log\(.*?\/\/ (.*)$/gm)].map(([, comment]) => comment as string);
    const folder = project();
    fs.symlinkSync(EXAMPLES, path.join(folder, 'examples'), 'junction');
    fs.writeFileSync(path.join(folder, 'program.mjs'), code);
    const { status, out } = await node(['program.mjs'], folder);
    expect(status).toBe(0);
    expect(out.startsWith(`${expected[0]}\n${expected[1]}\n`)).toBe(true);
    expect(out.trimEnd().endsWith('a fish and a cow')).toBe(true);
  });
});
