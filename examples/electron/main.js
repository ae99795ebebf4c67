// The main process: a window, and a process of its own for the model, so that neither waits for the other.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, BrowserWindow, ipcMain, utilityProcess } from 'electron';
import { Relay } from './relay.js';

const here = path.dirname(fileURLToPath(import.meta.url));

await app.whenReady();
const relay = new Relay(utilityProcess.fork(path.join(here, 'captioner.js'), [], { serviceName: 'captioner' }));

ipcMain.handle('caption', ({ sender }, id, image) =>
  relay.caption(image, (text) => {
    if (!sender.isDestroyed()) sender.send('caption:text', id, text);
  }),
);

const window = new BrowserWindow({
  width: 640,
  height: 560,
  webPreferences: { preload: path.join(here, 'preload.cjs') },
});
await window.loadFile(path.join(here, 'renderer', 'index.html'));
app.on('window-all-closed', () => app.quit());
