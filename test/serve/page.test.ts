// The page of `paligemma serve` in a browser, against the server with the embedded model.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Browser } from 'puppeteer-core';
import sharp from 'sharp';
import { type Detection, PaliGemma } from '../../lib/index.js';
import { PICTURE, ROOT, scratch, within } from '../helpers/fixtures.js';
import { at, chromium, kill, launch, PageDriver, type Server, serve } from '../helpers/page-driver.js';

const image = (name: string) => path.join(ROOT, 'examples', 'images', name);

describe('the built page', () => {
  const folder = path.join(ROOT, 'cli', 'dist', 'page');
  const files = () =>
    (fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }) as string[])
      .map((name) => path.join(folder, name))
      .filter((file) => fs.statSync(file).isFile());
  test('is small, and has no source maps', () => {
    expect(files().reduce((sum, file) => sum + fs.statSync(file).size, 0)).toBeLessThan(200_000);
    expect(files().filter((file) => file.endsWith('.map'))).toEqual([]);
  });
  test('names no other host to load something from', () => {
    const texts = files().filter((file) => /\.(html|css|js)$/.test(file));
    const urls = texts.flatMap((file) => fs.readFileSync(file, 'utf8').match(/https?:\/\/[\w.-]+/g) ?? []);
    const known = ['https://ai.google.dev', 'https://huggingface.co', 'http://www.w3.org']; // links, names of namespaces
    expect(urls.filter((url) => !known.includes(url))).toEqual([]);
  });
});

const withBrowser = chromium ? describe : describe.skip;
withBrowser('the page', () => {
  let server: Server;
  let model: PaliGemma;
  let browser: Browser;
  let user: PageDriver;

  beforeAll(async () => {
    [server, model, browser] = await Promise.all([serve(), PaliGemma.load('embedded'), launch()]);
  }, within(60_000));
  afterAll(async () => {
    await browser?.close();
    if (server) await kill(server);
    await model?.dispose();
  });
  beforeEach(async () => {
    user = await PageDriver.open(browser, server.url);
  });

  /** Chooses what to do, and adds a picture. */
  const begin = async (picture: string, task: string) => {
    await user.see(at('example')); // what comes last, and moves the rest
    await user.click(`task-${task}`);
    await user.add(picture);
    await user.see(at('picture'));
  };

  const expectBoxes = async (found: Detection[]) => {
    expect(found.length).toBeGreaterThan(1);
    const boxes = await user.boxes();
    expect(boxes).toHaveLength(found.length);
    for (const { label, box } of found) {
      const sides = [box.xmin, box.ymin, box.xmax, box.ymax];
      const near = (numbers: number[]) => numbers.every((n, i) => Math.abs(n - (sides[i] as number)) <= 2);
      expect(boxes.filter((one) => one.label === label && near(one.told) && near(one.drawn))).toHaveLength(1);
    }
  };

  test('describes a dropped picture, in pieces', async () => {
    const seen = await user.watchText();
    await user.drop(PICTURE);
    await user.finish();
    const texts = await seen();
    expect(texts.at(-1)).toBe('an owl and a cat');
    for (const text of texts) expect('an owl and a cat'.startsWith(text)).toBe(true);
    expect(await user.textOf('announcement')).toBe('owl-and-cat.png: an owl and a cat');
    expect(await user.textOf('timings')).toMatch(/image.*queue.*vision.*prefix.*decoding.*in all/);
    await user.until(`document.querySelector('${at('model-state')}').textContent === 'cpu · f16'`);
    expect(user.wrong).toEqual([]);
  });

  test('finds two things, with boxes where the library has them', async () => {
    await begin(PICTURE, 'detect');
    await user.type('labels', 'owl ; cat');
    await user.click('ask');
    await user.see(at('box'));
    const found = await model.detect(PICTURE, 'owl ; cat');
    await expectBoxes(found);

    const shown = () => user.count(`${at('box')}[data-shown="true"]`);
    await user.click('box'); // off
    expect(await shown()).toBe(found.length - 1);
    await user.page.focus(`${at('object')}:not(:checked)`);
    await user.page.keyboard.press('Space'); // and on again
    expect(await shown()).toBe(found.length);

    await user.page.focus(at('threshold'));
    await user.page.keyboard.press('End'); // no object is that sure
    await user.until(`!document.querySelector('${at('box')}')`);
    expect(user.wrong).toEqual([]);
  });

  test('has its boxes right on a photograph that was taken sideways', async () => {
    const turned = path.join(scratch('turned'), 'turned.jpg');
    await sharp(PICTURE).rotate(90).withMetadata({ orientation: 8 }).jpeg().toFile(turned);
    await begin(turned, 'detect');
    await user.type('labels', 'owl ; cat');
    await user.click('ask');
    await user.see(at('box'));
    expect(await user.dataOf('picture')).toMatchObject([{ width: '480', height: '320' }]);
    await expectBoxes(await model.detect(turned, 'owl ; cat'));
  });

  test('outlines, with the mask that the library has', async () => {
    await begin(image('dog.jpg'), 'segment');
    await user.type('labels', 'dog');
    await user.click('ask');
    await user.see(at('mask'));
    const [segment] = await model.segment(image('dog.jpg'), 'dog');
    const pixels = segment?.mask?.data.filter((value) => value !== 0).length;
    expect(pixels).toBeGreaterThan(1000);
    expect(await user.mask()).toEqual({ told: pixels, painted: pixels });
  });

  test('answers in Spanish, and says how to ask the same elsewhere', async () => {
    await user.page.select(at('language'), 'es');
    await user.add(PICTURE);
    await user.answer('un búho y un gato');
    await user.finish();
    await user.click('code-samples');
    expect(JSON.parse(await user.textOf('code'))).toMatchObject({ model: 'embedded', text: 'un búho y un gato' });
    await user.click('form-javascript');
    expect(await user.textOf('code')).toContain("await model.caption('owl-and-cat.png', { language: 'es' })");
    await user.click('form-openai');
    expect(await user.textOf('code')).toContain("text: 'caption es'");
    await user.click('form-curl');
    expect(await user.textOf('code')).toContain(`'${server.url}/v1/tasks/caption'`);
  });

  test('answers a question', async () => {
    await begin(PICTURE, 'answer');
    await user.click('ask');
    expect(await user.textOf('missing')).toBe('Write a question.');
    await user.type('question', 'how many owls are there?');
    await user.page.keyboard.press('Enter');
    await user.answer('1');
  });

  test('chooses, with a probability for each answer', async () => {
    await begin(PICTURE, 'choose');
    await user.type('question', 'what is this?');
    const [first, second] = await user.page.$$(at('choice'));
    await first?.type('an owl');
    await second?.type('a car');
    await user.click('ask');
    await user.see(at('probability'));
    const shares = (await user.dataOf('probability')).map(({ probability }) => Number(probability));
    expect(shares).toHaveLength(2);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
  });

  test('answers many pictures, each for itself, and says which cannot be read', async () => {
    const folder = scratch('broken');
    const file = (name: string, content: Buffer | string) => {
      fs.writeFileSync(path.join(folder, name), content);
      return path.join(folder, name);
    };
    const broken = file('broken.png', fs.readFileSync(PICTURE).subarray(0, 60_000)); // the browser shows what there is
    const heic = file('photo.heic', Buffer.from('\0\0\0\x18ftypheic\0\0\0\0', 'latin1'));
    const nothing = file('nothing.png', 'no picture');
    await user.add(PICTURE, broken, image('dog.jpg'), heic, nothing, image('penguins.jpg'));
    await user.settled(6);
    expect(await user.textsOf('row-answer')).toEqual([
      'an owl and a cat',
      expect.stringMatching(/cannot read this picture/),
      'a dog',
      expect.stringMatching(/cannot open HEIC pictures/),
      expect.stringMatching(/cannot be opened as a picture/),
      'two penguins',
    ]);
    await user.click('next');
    expect(await user.textOf('error')).toMatch(/damaged/);
    const [, remove] = await user.page.$$(at('remove'));
    await remove?.click();
    expect(await user.textsOf('row-answer')).toHaveLength(5);
    await user.click('clear');
    await user.see(at('drop-zone'));
    expect(user.wrong).toEqual([]);
  });

  test('keeps answers when the server is lost, notices that it is back, and asks again', async () => {
    await user.add(PICTURE, image('dog.jpg'));
    await user.settled(2);
    await kill(server);
    await user.click('ask-one');
    await user.see(at('connection-lost'));
    await user.see(at('retry'));
    expect(await user.textOf('error')).toMatch(/does not answer/);
    expect(await user.textOf('answer-before')).toMatch(/an owl and a cat/);
    expect((await user.textsOf('row-answer'))[1]).toBe('a dog');
    expect(await user.violations()).toEqual([]);
    server = await serve(Number(new URL(server.url).port));
    await user.see(at('connection-back'));
    await user.click('ask-lost');
    await user.finish();
    expect(await user.textsOf('row-answer')).toEqual(['an owl and a cat', 'a dog']);
  });

  test('asks for the key that a server wants', async () => {
    const guarded = await serve(0, '--api-key', 'open-sesame');
    try {
      await user.go(guarded.url);
      await user.see(at('key'));
      await user.type('key', 'wrong');
      await user.click('key-submit');
      await user.see(at('key-error'));
      expect(await user.violations()).toEqual([]);
      await user.type('key', 'open-sesame');
      await user.click('key-submit');
      await user.see(at('model'));
      await user.add(PICTURE);
      await user.finish();
      expect(await user.textOf('answer-text')).toBe('an owl and a cat');
    } finally {
      await kill(guarded);
    }
  });

  describe.each(['light', 'dark'])('in %s colours', (scheme) => {
    test.each([1280, 360])('has nothing that axe objects to, %d pixels wide', async (width) => {
      await user.page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
      await user.page.setViewport({ width, height: 800 });
      await user.go(server.url);
      expect(await user.violations()).toEqual([]);
      await user.add(PICTURE, image('dog.jpg'));
      await user.finish();
      for (const name of ['caption', 'answer', 'read', 'choose', 'segment', 'detect']) {
        await user.click(`task-${name}`);
        expect([name, await user.violations()]).toEqual([name, []]);
      }
      await user.type('labels', 'owl ; cat');
      await user.click('ask');
      await user.see(at('box'));
      await user.click('code-samples');
      expect(await user.violations()).toEqual([]);
      await user.click('models-button');
      await user.see('dialog[open]');
      expect(await user.violations()).toEqual([]);
      expect(await user.page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    });
  });
});
