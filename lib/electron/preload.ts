/**
 * `node-paligemma/electron/preload`: the part of the bridge that a preload script holds. It is small and needs nothing: bundle it
 * into your own preload script, or have Electron run the ready one (`preloadScript` of `node-paligemma/electron/main`).
 * @packageDocumentation
 */
import { type Bridge, channels, NAME, type Reply } from './wire.js';

/** The parts of Electron that a preload script needs: `require('electron')` has them. */
export interface ElectronOfPreload {
  contextBridge: { exposeInMainWorld(key: string, api: unknown): void };
  ipcRenderer: {
    send(channel: string, ...args: unknown[]): void;
    // biome-ignore lint/suspicious/noExplicitAny: as Electron has it
    on(channel: string, listener: (event: any, ...args: any[]) => void): unknown;
  };
}

export interface ExposeOptions {
  /** Name of the bridge in the page's window, the same as in main and page. Default `paligemma`. */
  name?: string;
}

/**
 * Call it once in the preload script. Lets the page ask the model of the main process: it finds the bridge in `window.paligemma`, and
 * `connect` of `node-paligemma/electron/renderer` makes typed calls of it. The page gets nothing else of Electron.
 */
export function exposePaliGemma(
  { contextBridge, ipcRenderer }: ElectronOfPreload,
  { name = NAME }: ExposeOptions = {},
) {
  const { ask, abort, reply } = channels(name);
  const listeners = new Map<string, (reply: Reply) => void>();
  // A page that follows another one in the same window must not take its answers for its own.
  const page = Math.random().toString(36).slice(2);
  let lastId = 0;
  ipcRenderer.on(reply, (_event: unknown, id: string, message: Reply) => {
    const listener = listeners.get(id);
    if (message.type === 'result' || message.type === 'error') listeners.delete(id);
    listener?.(message);
  });
  const bridge: Bridge = {
    ask(question, listener) {
      const id = `${page}-${++lastId}`;
      ipcRenderer.send(ask, id, question); // throws for what cannot be cloned
      listeners.set(id, listener);
      return id;
    },
    abort(id) {
      if (listeners.delete(id)) ipcRenderer.send(abort, id);
    },
  };
  contextBridge.exposeInMainWorld(name, bridge);
}
