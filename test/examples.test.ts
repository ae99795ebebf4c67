// The examples do what they say: bundlers, the Electron application's processes and its page, the README's code.
import { execFile } from 'node:child_process';
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createPackageWithOptions } from '@electron/asar';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'puppeteer-core';
import { servePages } from '../lib/electron/main.js';
import { PaliGemma } from '../lib/index.js';
import { copyPackages, showArchive } from './helpers/archive.js';
import { bridge } from './helpers/browser-bridge.js';
import { EMBEDDED, PICTURE, ROOT, scratch, within } from './helpers/fixtures.js';
import { chromium, launch } from './helpers/page-driver.js';

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
  /** Packed as electron-builder does it, and unpacked as Electron shows it. @returns where its code is */
  async function packaged(): Promise<string> {
    const settings = fs.readFileSync(path.join(EXAMPLES, 'electron', 'electron-builder.yml'), 'utf8');
    const unpack = [...settings.matchAll(/^ {2}- "(\*\*\/node_modules\/.*)"$/gm)].map(([, pattern]) => pattern);
    const application = scratch('application');
    fs.cpSync(path.join(EXAMPLES, 'electron'), application, { recursive: true });
    copyPackages(path.join(application, 'node_modules'));
    const archive = path.join(scratch('resources'), 'app.asar');
    await createPackageWithOptions(application, archive, { unpack: `{${unpack.join(',')}}` });
    showArchive(archive);
    return archive;
  }

  const standIn = path.join(ROOT, 'test', 'helpers', 'stand-in-electron.mjs');
  const start = async (archive: string) => {
    const ended = await node(['--import', standIn, path.join(archive, 'main.js'), PICTURE], path.dirname(archive));
    return { ...ended, told: ended.out === '' ? ended.err : JSON.parse(ended.out) };
  };

  // Linux tells which libraries a process has loaded.
  (process.platform === 'linux' ? test : test.skip)(
    'answers its page from a packed application, with the engine in a utility process',
    async () => {
      const archive = await packaged();
      const { status, told } = await start(archive);
      expect({ status, told }).toEqual({
        status: 0,
        told: {
          caption: 'an owl and a cat',
          pieces: expect.any(Array),
          broken: 'ERR_INVALID_IMAGE',
          model: path.join(`${archive}.unpacked`, 'node_modules', 'node-paligemma', 'models', 'paligemma-emoji-112'),
          isolated: true,
          engine: path.join(`${archive}.unpacked`, 'node_modules', 'node-paligemma', 'dist', 'engine-process.js'),
          libraries: expect.any(Array),
        },
      });
      expect(told.pieces.length).toBeGreaterThan(1);
      expect(told.pieces.join('')).toBe(told.caption);
      // What the system has loaded lies beside the archive.
      expect(told.libraries.map((file: string) => path.basename(file))).toEqual(
        expect.arrayContaining([
          'paligemma.node',
          expect.stringMatching(/^sharp-.*\.node$/),
          expect.stringMatching(/^libvips-cpp/),
        ]),
      );
      for (const file of told.libraries) expect(file.startsWith(`${archive}.unpacked${path.sep}`)).toBe(true);
    },
  );

  test('that was packed without what belongs outside says what is missing', async () => {
    const archive = await packaged();
    const modules = path.join(`${archive}.unpacked`, 'node_modules', 'node-paligemma');
    fs.rmSync(path.join(modules, 'build'), { recursive: true });
    const { told } = await start(archive);
    expect(told).toMatchObject({ caption: 'ERR_ADDON_NOT_FOUND' });
  });

  (chromium ? describe : describe.skip)('its page', () => {
    const main = new EventEmitter();
    let browser: Browser;
    let page: Page;
    let model: PaliGemma;
    let close = () => {};
    beforeAll(async () => {
      browser = await launch('--allow-file-access-from-files');
      model = await PaliGemma.load(EMBEDDED);
      const server = servePages(main, () => model);
      close = server.close;
      page = await browser.newPage();
      await bridge(page, main);
      await page.goto(`file://${path.join(project(path.join(EXAMPLES, 'electron')), 'renderer', 'index.html')}`);
    }, within(60_000));
    afterAll(async () => {
      close();
      await Promise.all([browser?.close(), model?.dispose()]);
    });

    // Code for the page is text: its types are not Node's.
    const drop = (bytes: Buffer) =>
      page.evaluate(`{
        const files = new DataTransfer();
        const bytes = Uint8Array.from(atob('${bytes.toString('base64')}'), (c) => c.charCodeAt(0));
        files.items.add(new File([bytes], 'picture.png', { type: 'image/png' }));
        document.getElementById('drop').dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true }));
      }`);
    const until = (text: string) =>
      page.waitForFunction(`document.getElementById('caption').textContent === ${JSON.stringify(text)}`, {
        timeout: within(10_000),
      });
    const picture = (name: string) => fs.readFileSync(path.join(EXAMPLES, 'images', name));

    test('shows a dropped picture and its caption as it comes', async () => {
      await page.evaluate(`globalThis.seen = [];
        new MutationObserver(() => seen.push(document.getElementById('caption').textContent))
          .observe(document.getElementById('caption'), { childList: true, characterData: true, subtree: true });`);
      await drop(fs.readFileSync(PICTURE));
      await until('an owl and a cat');
      expect(await page.$eval('#picture', (image) => image.getAttribute('src'))).toMatch(/^blob:/);
      expect(await page.evaluate('seen')).toEqual(expect.arrayContaining(['…', 'an owl and']));
    });

    test('a later picture takes the place of one that is still being described', async () => {
      await drop(picture('owl-and-cat.png'));
      await drop(picture('fish-and-cow.png'));
      await until('a fish and a cow');
    });

    test('says what went wrong', async () => {
      await drop(Buffer.from('no picture'));
      await page.waitForSelector('#caption.error');
      expect(await page.$eval('#caption', ({ textContent }) => textContent)).toMatch(/cannot be decoded/);
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
