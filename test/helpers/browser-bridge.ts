// A page of Chromium with the real preload script in it, over a stand-in for Electron's messages: text, in which bytes are base64.
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import type { Page } from 'puppeteer-core';
import type { Sender } from '../../lib/electron/main.js';
import { preloadScript } from '../../lib/electron/main.js';

// Code for the page is text: its types are not Node's. It holds for both sides.
const CODEC = `
  const KINDS = { Uint8Array, Uint8ClampedArray, Float32Array };
  const pack = (value) => JSON.stringify(value, (_, given) => {
    if (given instanceof ArrayBuffer) return { $bytes: base64(new Uint8Array(given)), $kind: 'ArrayBuffer' };
    if (ArrayBuffer.isView(given)) {
      const kind = given.constructor.name === 'Buffer' ? 'Uint8Array' : given.constructor.name;
      return { $bytes: base64(new Uint8Array(given.buffer, given.byteOffset, given.byteLength)), $kind: kind };
    }
    if (typeof given === 'function' || given instanceof Blob) throw new Error('An object could not be cloned.');
    return given;
  });
  const unpack = (text) => JSON.parse(text, (_, given) => {
    if (typeof given?.$bytes !== 'string') return given;
    const { buffer } = Uint8Array.from(atob(given.$bytes), (c) => c.charCodeAt(0));
    return given.$kind === 'ArrayBuffer' ? buffer : new KINDS[given.$kind](buffer);
  });
  function base64(bytes) {
    let text = '';
    for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
    return btoa(text);
  }`;
const { pack, unpack } = new Function(`${CODEC}; return { pack, unpack };`)() as {
  pack(value: unknown): string;
  unpack(text: string): unknown[];
};

/** In every document from now on; the main process of the application is here. */
export async function bridge(page: Page, main: EventEmitter): Promise<void> {
  const contents: EventEmitter & Sender = Object.assign(new EventEmitter(), { isDestroyed: () => page.isClosed() });
  page.on('framenavigated', (frame) => frame === page.mainFrame() && contents.emit('did-navigate'));
  page.on('close', () => contents.emit('destroyed'));
  await page.exposeFunction('toMain', (text: string) => {
    const [channel, ...args] = unpack(text);
    const reply = (...back: unknown[]) =>
      void page.evaluate(`globalThis.fromMain(${JSON.stringify(pack(back))})`).catch(() => {});
    main.emit(channel as string, { sender: contents, senderFrame: { url: page.url(), parent: null }, reply }, ...args);
  });
  await page.evaluateOnNewDocument(`{ ${CODEC}
    const listeners = [];
    globalThis.fromMain = (text) => {
      const [channel, ...args] = unpack(text);
      for (const [of, listener] of listeners) if (of === channel) listener({}, ...args);
    };
    const electron = {
      contextBridge: { exposeInMainWorld: (key, api) => { globalThis[key] = Object.freeze(api); } },
      ipcRenderer: {
        send: (...args) => { globalThis.toMain(pack(args)); },
        on: (...listener) => { listeners.push(listener); },
      },
    };
    (function (require) { ${fs.readFileSync(preloadScript(), 'utf8')}
    })(() => electron);
  }`);
}
