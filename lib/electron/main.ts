/**
 * `node-paligemma/electron/main`: answers what pages ask, in the main process of an Electron application.
 * @packageDocumentation
 */
import path from 'node:path';
import { PaliGemmaError } from '../base/errors.js';
import { packageRoot } from '../base/package-root.js';
import type { PaliGemma } from '../paligemma.js';
import type { Progress } from '../types.js';
import { answerQuestion, sentError } from './answer.js';
import { ENDS, type IpcMain, type IpcMainEvent, type Sender } from './ipc.js';
import { channels, NAME, type Question, type Reply } from './wire.js';

export type { IpcMain, IpcMainEvent, Sender } from './ipc.js';

export interface ServeOptions {
  /** Name of the bridge in the window of pages, the same in main, preload and page; several models have several. Default `paligemma`. */
  name?: string;
  /**
   * Whether pages may name pictures by paths and http(s) URLs, which this process then reads; `imageAccess` of the model says
   * which. Default false: pages give pictures themselves.
   */
  paths?: boolean;
  /**
   * Which pages may ask, by their URL. Default: those of the application: `file:`, protocols of its own, and http(s) on this
   * machine (`localhost`, as development servers have it). Frames within pages never may.
   */
  accept?: (url: string) => boolean;
}

/** Pages are answered from now on. */
export interface PageServer {
  /** Once it is loaded; rejects as `load` did. It is yours: dispose it after `close`. */
  readonly model: Promise<PaliGemma>;
  /** Answers nobody any more. What is asked at this time is aborted, and rejects in its page with ERR_DISPOSED. */
  close(): void;
}

/**
 * Loads a model, and answers what pages ask through the bridge of their preload script. What a page asked is aborted when it is
 * closed, left or reloaded, or its process dies. Errors cross with their codes.
 * @param ipcMain Electron's
 * @param load called at once. Hand `onProgress` on to `PaliGemma.load`, and pages that ask for `info` are told.
 */
export function servePages(
  ipcMain: IpcMain,
  load: (onProgress: (progress: Progress) => void) => PaliGemma | Promise<PaliGemma>,
  { name = NAME, paths = false, accept = ofApplication }: ServeOptions = {},
): PageServer {
  const channel = channels(name);
  const asked = new Asked();
  const following = new Set<(progress: Progress) => void>();
  let latest: Progress | undefined;
  const model = (async () =>
    load((progress) => {
      latest = progress;
      for (const tell of following) tell(progress);
    }))();
  model.catch(() => {}); // said to whoever asks

  async function answer(event: IpcMainEvent, id: string, question: Question): Promise<void> {
    const { sender, senderFrame } = event;
    const { signal, done } = asked.begin(sender, id);
    const send = (reply: Reply) => {
      try {
        if (!sender.isDestroyed()) event.reply(channel.reply, id, reply);
      } catch {
        asked.abort(sender, id); // a frame that has gone throws, and nobody waits there
      }
    };
    const tell = (progress: Progress) => send({ type: 'progress', progress });
    try {
      if (!senderFrame || senderFrame.parent !== null || !accept(senderFrame.url)) throw refused(senderFrame?.url);
      if (question?.kind === 'info') {
        if (latest) tell(latest);
        following.add(tell);
      }
      const loaded = await Promise.race([model, whenAborted(signal)]);
      const push = (text: string) => {
        if (!signal.aborted) send({ type: 'text', text });
      };
      const result = await answerQuestion(loaded, question, { paths, signal, push });
      if (!signal.aborted) send({ type: 'result', result });
    } catch (error) {
      if (!signal.aborted || signal.reason === CLOSED) send({ type: 'error', error: sentError(error) });
    } finally {
      following.delete(tell);
      done();
    }
  }

  const onAsk = (event: IpcMainEvent, id: string, question: Question) => void answer(event, id, question);
  const onAbort = (event: IpcMainEvent, id: string) => asked.abort(event.sender, id);
  ipcMain.on(channel.ask, onAsk);
  ipcMain.on(channel.abort, onAbort);
  return {
    model,
    close() {
      ipcMain.removeListener(channel.ask, onAsk);
      ipcMain.removeListener(channel.abort, onAbort);
      asked.abortAll(CLOSED);
    },
  };
}

const CLOSED = new PaliGemmaError('ERR_DISPOSED', 'the application has closed the bridge to its model');

/**
 * A whole preload script, for windows that need no other one: `webPreferences: { preload: preloadScript() }`, or beside one of
 * your own `session.registerPreloadScript({ type: 'frame', filePath: preloadScript() })`.
 * @returns its path
 */
export const preloadScript = (): string => path.join(packageRoot(), 'dist', 'electron', 'preload-script.cjs');

/** Whether a page's address is the application's own, as {@link ServeOptions.accept} says. */
function ofApplication(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  if (/^https?:$/.test(protocol)) return /^(.+\.)?localhost$|^127(\.\d+){3}$|^\[::1\]$/.test(hostname);
  return !/^(about|blob|data|javascript):$/.test(protocol);
}

const refused = (address = 'a page that has gone') =>
  new PaliGemmaError('ERR_INVALID_ARGUMENT', `${address} may not ask the model: see the option accept of servePages`);

const whenAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));

/** What is being answered, by page. */
class Asked {
  readonly #pages = new Map<Sender, Map<string, AbortController>>();

  begin(sender: Sender, id: string): { signal: AbortSignal; done(): void } {
    const ofPage = this.#pages.get(sender) ?? this.#open(sender);
    const controller = new AbortController();
    ofPage.set(id, controller);
    return { signal: controller.signal, done: () => ofPage.delete(id) };
  }

  abort(sender: Sender, id: string): void {
    this.#pages.get(sender)?.get(id)?.abort();
  }

  abortAll(reason: unknown): void {
    for (const ofPage of this.#pages.values()) for (const controller of ofPage.values()) controller.abort(reason);
  }

  #open(sender: Sender): Map<string, AbortController> {
    const ofPage = new Map<string, AbortController>();
    this.#pages.set(sender, ofPage);
    const end = () => {
      this.#pages.delete(sender);
      for (const event of ENDS) sender.removeListener(event, end);
      for (const controller of ofPage.values()) controller.abort();
    };
    for (const event of ENDS) sender.on(event, end);
    return ofPage;
  }
}
