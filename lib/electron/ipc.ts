// The parts of Electron that the main process's side uses. The types of Electron 41 fit them.

/** Electron's `ipcMain`, or the `ipc` of one window's contents. */
export interface IpcMain {
  // biome-ignore lint/suspicious/noExplicitAny: as Electron has it
  on(channel: string, listener: (event: IpcMainEvent, ...args: any[]) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as Electron has it
  removeListener(channel: string, listener: (event: IpcMainEvent, ...args: any[]) => void): unknown;
}

export interface IpcMainEvent {
  sender: Sender;
  /** Null: it has gone. */
  senderFrame: { url: string; parent: unknown } | null;
  /** To the frame that sent. */
  reply(channel: string, ...args: unknown[]): void;
}

/** A window's contents. */
export interface Sender {
  isDestroyed(): boolean;
  on(event: 'destroyed' | 'did-navigate' | 'render-process-gone', listener: () => void): unknown;
  removeListener(event: 'destroyed' | 'did-navigate' | 'render-process-gone', listener: () => void): unknown;
}

/** After these nobody waits for what the page asked: it was closed, left or reloaded, or its process died. */
export const ENDS = ['destroyed', 'did-navigate', 'render-process-gone'] as const;
