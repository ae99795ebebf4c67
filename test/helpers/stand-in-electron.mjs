// Stands in for Electron, for the example's main process: `node --import THIS app.asar/main.js PICTURE`. Its window is a page that
// has the preload script and asks for a caption; what came of it goes to standard output as JSON.
import { fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import Module, { register } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

Object.defineProperty(process, 'versions', { value: { ...process.versions, electron: '0.0.0' } });
process.type = 'browser';

// As Electron does it: a library in the archive is opened beside it.
const { dlopen } = process;
process.dlopen = (module, file, ...flags) =>
  dlopen(module, file.replace(/app\.asar(?=[\\/])/, 'app.asar.unpacked'), ...flags);

const ipcMain = new EventEmitter();
let engine;

class BrowserWindow {
  #preload;
  constructor({ webPreferences }) {
    this.#preload = webPreferences.preload;
  }
  async loadFile(file) {
    const page = new EventEmitter();
    const contents = Object.assign(new EventEmitter(), { isDestroyed: () => false });
    const reply = (channel, ...args) => setImmediate(() => page.emit(channel, {}, ...structuredClone(args)));
    const electron = {
      contextBridge: { exposeInMainWorld: (key, api) => Object.assign(globalThis, { [key]: api }) },
      ipcRenderer: {
        on: (...args) => page.on(...args),
        send(channel, ...args) {
          const senderFrame = { url: pathToFileURL(file).href, parent: null };
          setImmediate(() => ipcMain.emit(channel, { sender: contents, senderFrame, reply }, ...structuredClone(args)));
        },
      },
    };
    new Function('require', fs.readFileSync(this.#preload, 'utf8'))(() => electron);
    console.log(JSON.stringify(await asPage(path.dirname(file))));
    process.exit(0);
  }
}

async function asPage(folder) {
  const renderer = path.join(folder, '../node_modules/node-paligemma/dist/electron/renderer.js');
  const { connect } = await import(pathToFileURL(renderer).href);
  const paligemma = connect();
  const pieces = [];
  try {
    const stream = paligemma.stream('caption', new Blob([fs.readFileSync(process.argv[2])]), { language: 'en' });
    for await (const text of stream) pieces.push(text);
    const { text: caption } = await stream.result;
    const broken = await paligemma.caption(new Uint8Array([1, 2, 3])).catch(({ code }) => code);
    const { path: model, isolated } = await paligemma.info();
    const own = ['/proc/self/maps', `/proc/${engine.child.pid}/maps`]
      .map((maps) => fs.readFileSync(maps, 'utf8'))
      .join('');
    const libraries = new Set(own.match(/\/\S*app\.asar\S*\.(node|so)\S*/g));
    return { caption, pieces, broken, model, isolated, engine: engine.file, libraries: [...libraries] };
  } catch (error) {
    return { caption: error.code ?? error.message, message: error.message };
  }
}

const utilityProcess = {
  fork(file, args, { env }) {
    const shim = `import { EventEmitter } from 'node:events';
      process.parentPort = Object.assign(new EventEmitter(), { postMessage: (message) => process.send(message) });
      process.on('message', (data) => process.parentPort.emit('message', { data }));`;
    const execArgv = ['--import', `data:text/javascript,${encodeURIComponent(shim)}`];
    const child = fork(file, args, { env, execArgv, serialization: 'advanced', silent: true });
    engine = { child, file };
    return Object.assign(new EventEmitter(), {
      stderr: child.stderr,
      postMessage: (message) => void child.send(message),
      kill: () => child.kill(),
      on: (event, listener) => void child.on(event, listener),
    });
  },
};

globalThis.standIn = { app: { whenReady: async () => {}, on() {}, quit() {} }, BrowserWindow, ipcMain, utilityProcess };
const load = Module._load;
Module._load = (name, ...rest) => (name === 'electron' ? globalThis.standIn : load(name, ...rest));
const source = `export const { app, BrowserWindow, ipcMain, utilityProcess } = globalThis.standIn;`;
const hooks = `export const resolve = (name, context, next) => name === 'electron'
  ? { url: ${JSON.stringify(`data:text/javascript,${encodeURIComponent(source)}`)}, shortCircuit: true } : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
