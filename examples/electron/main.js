// The main process: a window, and the model that it asks. The engine runs in a process of its own: what crashes there leaves the
// window alone.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { app, BrowserWindow, ipcMain } from 'electron';
import { PaliGemma } from 'node-paligemma';
import { preloadScript, servePages } from 'node-paligemma/electron/main';

const here = path.dirname(fileURLToPath(import.meta.url));

// 'embedded', or a hub id such as 'google/paligemma-3b-mix-224', which is fetched the first time
servePages(ipcMain, (onProgress) => PaliGemma.load('embedded', { isolated: true, onProgress }));

await app.whenReady();
const window = new BrowserWindow({ width: 640, height: 560, webPreferences: { preload: preloadScript() } });
await window.loadFile(path.join(here, 'renderer', 'index.html'));
app.on('window-all-closed', () => app.quit());
