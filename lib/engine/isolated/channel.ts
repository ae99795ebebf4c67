// Starts the engine's process and carries messages: as a child of Node, or in Electron as a utility process.
import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { reasonOf } from '../../base/errors.js';
import { packageRoot } from '../../base/package-root.js';
import { crashOf } from './exit-status.js';
import type { FromEngine, ToEngine } from './wire.js';

/** How a process ended. */
export interface End {
  signal: NodeJS.Signals | undefined;
  exitCode: number | undefined;
  /** What it wrote to standard error last. */
  lastWords: string;
}

export interface Channel {
  /** Sends, unless the other side is gone: then its end is told. */
  send(message: ToEngine): void;
  /** Whether it keeps the application's process alive. */
  hold(on: boolean): void;
  kill(): void;
}

export interface Listener {
  message(message: FromEngine): void;
  /** The last call, after all messages. */
  end(end: End): void;
}

/** The part of Electron's `utilityProcess` that is used here. */
export interface UtilityProcess {
  fork(
    file: string,
    args: string[],
    options: { serviceName: string; stdio: 'pipe'; env: NodeJS.ProcessEnv },
  ): UtilityChild;
}
interface UtilityChild {
  postMessage(message: ToEngine): void;
  kill(): boolean;
  stderr: NodeJS.ReadableStream | null;
  on(event: 'message', listener: (message: FromEngine) => void): void;
  on(event: 'exit', listener: (code: number) => void): void;
}

/** ggml, before it ends a process, would start a debugger to print its own stack. */
const environment = () => ({ ...process.env, GGML_NO_BACKTRACE: '1' });

const program = () => path.join(packageRoot(), 'dist', 'engine-process.js');

export function openChannel(listener: Listener, electron: UtilityProcess | undefined = electronsOwn()): Channel {
  return electron ? utilityProcess(electron, listener) : childProcess(listener);
}

function electronsOwn(): UtilityProcess | undefined {
  if (!process.versions.electron || (process as { type?: string }).type !== 'browser') return undefined;
  return createRequire(import.meta.url)('electron').utilityProcess;
}

function childProcess(listener: Listener): Channel {
  const notStarted = (reason: string) =>
    listener.end({ signal: undefined, exitCode: undefined, lastWords: `it cannot be started: ${reason}` });
  let child: ChildProcess;
  try {
    child = fork(program(), [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // In Electron, but not in its main process: the program is Electron's own, which then acts as Node.
      env: { ...environment(), ...(process.versions.electron ? { ELECTRON_RUN_AS_NODE: '1' } : {}) },
    });
  } catch (error) {
    queueMicrotask(() => notStarted(reasonOf(error))); // Node's permission model forbids it
    return { send() {}, hold() {}, kill() {} };
  }
  const lastWords = tail(child.stderr);
  let open = 2; // the process with its output, and the channel: answers may still be in it when the process has gone
  const close = () => {
    if (--open > 0) return;
    const exitCode = child.exitCode ?? undefined;
    listener.end({ signal: child.signalCode ?? crashOf(exitCode), exitCode, lastWords: lastWords() });
  };
  child.on('message', (message) => listener.message(message as FromEngine));
  child.once('close', close);
  child.once('disconnect', close);
  child.once('error', ({ message }) => {
    if (child.pid === undefined) notStarted(message);
  });
  return {
    send: (message) => void (child.connected && child.send(message, () => {})),
    hold(on) {
      const how = on ? 'ref' : 'unref';
      child[how]();
      child.channel?.[how]?.(); // Bun's channel has neither: it goes with the child
      (child.stderr as unknown as { ref(): void; unref(): void } | null)?.[how]();
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function utilityProcess(electron: UtilityProcess, listener: Listener): Channel {
  const child = electron.fork(program(), [], { serviceName: 'PaliGemma', stdio: 'pipe', env: environment() });
  const lastWords = tail(child.stderr);
  let gone = false;
  child.on('message', (message) => listener.message(message));
  child.on('exit', (code) => {
    gone = true;
    listener.end({ signal: crashOf(code), exitCode: code, lastWords: lastWords() });
  });
  return {
    send: (message) => void (gone || child.postMessage(message)),
    hold: () => {}, // an application of Electron lives as long as its windows
    kill: () => void child.kill(),
  };
}

/** Keeps the last line that was written, or the one that names an error, after which Node writes more. */
function tail(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (chunk: string) => {
    text = (text + chunk).slice(-2000);
  });
  return () => {
    const lines = text.trim().split('\n');
    return lines.filter((line) => /^\w*Error\b.*: /.test(line)).at(-1) ?? lines.at(-1) ?? '';
  };
}
