// The page of `paligemma serve` as a user has it before them: by its hooks, which cli/serve/page/README.md lists.
import fs from 'node:fs';
import path from 'node:path';
import puppeteer, { type Browser, type ElementHandle, type Page } from 'puppeteer-core';
import { type Running, start } from './command.js';
import { ROOT, scratch, within } from './fixtures.js';

const AXE = path.join(ROOT, 'node_modules', 'axe-core', 'axe.min.js');

/** Undefined: there is none here. */
export const chromium = [process.env.CHROME_PATH, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  (file) => file && fs.existsSync(file),
);

export const launch = (...more: string[]): Promise<Browser> =>
  puppeteer.launch({
    executablePath: chromium as string,
    userDataDir: scratch('browser'),
    env: { ...process.env, LD_PRELOAD: '' }, // a sanitizer of ours is nothing for a browser
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run', ...more],
  });

export interface Server extends Running {
  url: string;
}

/** Starts a server with the embedded model. @param port 0: any */
export async function serve(port = 0, ...more: string[]): Promise<Server> {
  const running = start(['serve', '--model', 'embedded', '--port', String(port), ...more], { input: null });
  const url = await new Promise<string>((resolve, reject) => {
    let out = '';
    running.child.stdout?.on('data', (text) => {
      out += text;
      const address = /http:\S+/.exec(out)?.[0];
      if (address) resolve(address);
    });
    running.done.then(({ err }) => reject(new Error(`the server ended: ${err}`)));
  });
  return { ...running, url };
}

/** As a crash does it, or a user who is in a hurry. */
export async function kill({ child, done }: Server): Promise<void> {
  child.kill('SIGKILL');
  await done;
}

export const at = (name: string): string => `[data-testid="${name}"]`;

type Sides = [xmin: number, ymin: number, xmax: number, ymax: number];

// Code for the page is text: its types are not Node's.
const DROP = (name: string, base64: string) => `{
  const files = new DataTransfer();
  const bytes = Uint8Array.from(atob(${JSON.stringify(base64)}), (c) => c.charCodeAt(0));
  files.items.add(new File([bytes], ${JSON.stringify(name)}));
  const event = new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true });
  document.querySelector('${at('drop-area')}').dispatchEvent(event);
}`;
const BOXES = `(() => {
  const picture = document.querySelector('${at('picture')}');
  const { left, top, width } = picture.getBoundingClientRect();
  const scale = picture.dataset.width / width;
  return [...document.querySelectorAll('${at('box')}')].map((box) => {
    const { label, xmin, ymin, xmax, ymax } = box.dataset;
    const rect = box.getBoundingClientRect();
    const drawn = [rect.left - left, rect.top - top, rect.right - left, rect.bottom - top].map((n) => n * scale);
    return { label, told: [xmin, ymin, xmax, ymax].map(Number), drawn };
  });
})()`;
const MASK = `(() => {
  const mask = document.querySelector('${at('mask')}');
  const { data } = mask.getContext('2d').getImageData(0, 0, mask.width, mask.height);
  return { told: Number(mask.dataset.pixels), painted: data.filter((n, i) => i % 4 === 3 && n > 0).length };
})()`;
const WATCH = `globalThis.seen = [];
  new MutationObserver(() => {
    const text = document.querySelector('${at('answer-text')}')?.textContent;
    if (text && text !== seen.at(-1)) seen.push(text);
  }).observe(document.body, { childList: true, characterData: true, subtree: true });`;

export class PageDriver {
  /** What went wrong in the page itself: what its policy forbids, errors of its code. */
  readonly wrong: string[] = [];

  private constructor(readonly page: Page) {
    page.on('pageerror', (error) => this.wrong.push(String(error)));
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) this.wrong.push(message.text());
    });
  }

  /** A browser of its own: nothing is remembered of another one. */
  static async open(browser: Browser, url: string): Promise<PageDriver> {
    const driver = new PageDriver(await (await browser.createBrowserContext()).newPage());
    await driver.go(url);
    return driver;
  }

  async go(url: string): Promise<void> {
    await this.page.goto(url);
    await this.see(at('picture-input'));
  }

  /** Chooses files. */
  async add(...files: string[]): Promise<void> {
    const field = (await this.page.$(at('picture-input'))) as ElementHandle<never> | null;
    await (field as unknown as { uploadFile(...files: string[]): Promise<void> }).uploadFile(...files);
  }

  async drop(file: string): Promise<void> {
    await this.page.evaluate(DROP(path.basename(file), fs.readFileSync(file, 'base64')));
  }

  see(selector: string) {
    return this.page.waitForSelector(selector, { timeout: within(20_000) });
  }

  /** Waits for the answer of the picture that is shown. */
  finish() {
    return this.see(`${at('answer')}[data-state="done"]`);
  }

  async until(condition: string): Promise<void> {
    await this.page.waitForFunction(condition, { timeout: within(20_000) });
  }

  /** Waits for an answer with this text. */
  answer(text: string): Promise<void> {
    return this.until(`document.querySelector('${at('answer-text')}')?.textContent === ${JSON.stringify(text)}`);
  }

  /** Waits until so many pictures have an answer, or an error. */
  settled(count: number): Promise<void> {
    const rows = `${at('picture-row')}:is([data-state="done"], [data-state="failed"])`;
    return this.until(`document.querySelectorAll('${rows}').length === ${count}`);
  }

  click(name: string): Promise<void> {
    return this.page.click(at(name));
  }

  /** Writes into a field. */
  type(name: string, text: string): Promise<void> {
    return this.page.type(at(name), text);
  }

  count(selector: string): Promise<number> {
    return this.page.$$eval(selector, (all) => all.length);
  }

  async textOf(name: string): Promise<string> {
    return (await this.page.$eval(at(name), ({ textContent }) => textContent)) ?? '';
  }

  textsOf(name: string): Promise<(string | null)[]> {
    return this.page.$$eval(at(name), (all) => all.map(({ textContent }) => textContent));
  }

  async dataOf(name: string): Promise<Record<string, string>[]> {
    const code = `[...document.querySelectorAll('${at(name)}')].map(({ dataset }) => ({ ...dataset }))`;
    return (await this.page.evaluate(code)) as Record<string, string>[];
  }

  /** Boxes in pixels of the picture: as the page was told them, and where it drew them. */
  async boxes(): Promise<{ label: string; told: Sides; drawn: Sides }[]> {
    return (await this.page.evaluate(BOXES)) as Awaited<ReturnType<PageDriver['boxes']>>;
  }

  /** Pixels of the first mask: as the page counted them, and as they are painted. */
  async mask(): Promise<{ told: number; painted: number }> {
    return (await this.page.evaluate(MASK)) as Awaited<ReturnType<PageDriver['mask']>>;
  }

  /** From now on keeps what the answer's text is in turn. @returns gives it */
  async watchText(): Promise<() => Promise<string[]>> {
    await this.page.evaluate(WATCH);
    return async () => (await this.page.evaluate('seen')) as string[];
  }

  /** What axe objects to. */
  async violations(): Promise<string[]> {
    await this.page.evaluate(fs.readFileSync(AXE, 'utf8'));
    const found = (await this.page.evaluate('axe.run(document)')) as { violations: { id: string; nodes: object[] }[] };
    return found.violations.map(({ id, nodes }) => `${id}: ${JSON.stringify(nodes[0])}`);
  }
}
