// What goes between a page and the main process of an Electron application: plain data, which Electron clones.
import type { ErrorCode } from '../base/errors.js';
import type { ImageDataLike, RawImage } from '../image/raw.js';
import type { Progress } from '../types.js';

/** A picture as a page sends it: bytes, pixels, or a text that names it. */
export type SentImage = Uint8Array | ArrayBuffer | string | RawImage | ImageDataLike;

/** What a page asks. `options` are those of the call, without its signal; the model checks them. */
export type Question =
  | { kind: 'info' }
  | { kind: 'run'; task: string; images: SentImage[] | null; options: object; stream: boolean }
  | { kind: 'generate'; images: SentImage[]; options: object; stream: boolean }
  | { kind: 'score'; images: SentImage[]; options: object }
  | { kind: 'encode'; images: [SentImage] };

/** An error without its class, which does not cross. */
export interface SentError {
  name: string;
  message: string;
  /** Absent: none of this library's errors. */
  code?: ErrorCode;
  /** Of ERR_ENGINE_DIED. */
  signal?: string;
}

/** What comes back: any number of texts and progress, then one result or error. */
export type Reply =
  | { type: 'text'; text: string }
  | { type: 'progress'; progress: Progress }
  | { type: 'result'; result: unknown }
  | { type: 'error'; error: SentError };

/** What the preload script puts into the page's window. Functions and plain data are all that gets through. */
export interface Bridge {
  /** @returns by what to abort it */
  ask(question: Question, listener: (reply: Reply) => void): string;
  /** Nothing comes for this question any more. */
  abort(id: string): void;
}

/** The name that both sides use where none is given: of the bridge in the window, and of its channels. */
export const NAME = 'paligemma';

/** A bridge's channels. */
export const channels = (name: string) => ({
  ask: `node-paligemma:${name}:ask`,
  abort: `node-paligemma:${name}:abort`,
  reply: `node-paligemma:${name}:reply`,
});
