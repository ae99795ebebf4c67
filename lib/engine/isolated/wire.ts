// What goes between an application and the process of its engine. Structured clones: pixels and features go as they are.
import type { NativeDevice, NativeEvent, NativeModelOptions, NativeRequest } from '../../addon/native.js';

export type ToEngine =
  | { type: 'open'; options: NativeModelOptions }
  | { type: 'submit'; request: NativeRequest }
  | { type: 'abort'; id: number }
  | { type: 'stop' };

export type FromEngine =
  /** The first message: the addon is there. */
  | { type: 'ready'; devices: NativeDevice[] }
  /** Instead of it. */
  | { type: 'failed'; code: string; message: string }
  | { type: 'event'; event: NativeEvent };
