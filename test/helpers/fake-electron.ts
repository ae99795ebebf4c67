// What the bridge uses of Electron, without Electron: messages are cloned and arrive later, as between processes.
import { EventEmitter } from 'node:events';
import type { IpcMain, IpcMainEvent, Sender } from '../../lib/electron/main.js';
import type { ElectronOfPreload } from '../../lib/electron/preload.js';

export interface FakeWindow extends ElectronOfPreload {
  /** Of the main process: its `emit` says what becomes of the page. */
  contents: EventEmitter & Sender;
  /** What is in the page's window. */
  exposed: Record<string, unknown>;
  frame: { url: string; parent: unknown };
  /** As a page does it that found another way to the channels. */
  send(channel: string, ...args: unknown[]): void;
  /** What `reply` does where the frame has gone. */
  fails: boolean;
}

export const ipcMain = () => new EventEmitter() as EventEmitter & IpcMain;

/** A function of another world: data is cloned, functions are called there. */
const across = (value: unknown): unknown =>
  typeof value === 'function' ? (...args: unknown[]) => value(...args.map(across)) : structuredClone(value);

export function openWindow(main: EventEmitter, url = 'file:///app/index.html'): FakeWindow {
  const page = new EventEmitter();
  let destroyed = false;
  const contents = Object.assign(new EventEmitter(), { isDestroyed: () => destroyed });
  contents.once('destroyed', () => {
    destroyed = true;
  });
  const later = (emitter: EventEmitter, channel: string, ...args: unknown[]) => {
    const sent = structuredClone(args.slice(1));
    setImmediate(() => emitter.emit(channel, args[0], ...sent));
  };
  const window: FakeWindow = {
    contents,
    exposed: {},
    frame: { url, parent: null },
    fails: false,
    send: (channel, ...args) => {
      const reply = (to: string, ...back: unknown[]) => {
        if (window.fails || destroyed) throw new Error('Render frame was disposed');
        later(page, to, {}, ...back);
      };
      later(main, channel, { sender: contents, senderFrame: window.frame, reply } satisfies IpcMainEvent, ...args);
    },
    ipcRenderer: { send: (channel, ...args) => window.send(channel, ...args), on: (...args) => page.on(...args) },
    contextBridge: {
      exposeInMainWorld(key, api) {
        const functions = Object.entries(api as object).map(([name, value]) => [name, across(value)]);
        window.exposed[key] = Object.freeze(Object.fromEntries(functions));
      },
    },
  };
  return window;
}
