// One of several places where cases run, one after another: a process that is replaced when it dies, hangs or grows.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const WORKER = path.join(path.dirname(fileURLToPath(import.meta.url)), 'worker.mjs');
let lanes = 0;
/** How many processes share a processor: on a busy machine a case takes so much longer, and does not hang. */
const crowding = () => Math.max(1, os.loadavg()[0] / os.availableParallelism());
const ended = ({ exitCode, signalCode }) => exitCode !== null || signalCode !== null;

export class Lane {
  #child;
  #errors = '';
  #temporary;

  /** @param options { name, seed, folder, timeout (seconds), separate, memoryLimit (MB) } */
  constructor(options) {
    this.options = options;
    this.#temporary = path.join(options.folder, `tmp-${lanes++}`);
    fs.mkdirSync(this.#temporary);
  }

  /** @returns {} answered, { refused: code, message }, or { failed: why } */
  async run(number, stage) {
    const { separate, memoryLimit, timeout } = this.options;
    this.#child ??= await this.#start();
    const child = this.#child;
    const last = separate === true && stage === 'use';
    const outcome = await new Promise((resolve) => {
      const settle = (result) => {
        clearInterval(timer);
        child.off('message', settle).off('exit', died);
        resolve(result);
      };
      const started = performance.now();
      const timer = setInterval(() => {
        if (performance.now() - started > timeout * crowding() * 1000) settle({ failed: `hangs for ${timeout} s` });
      }, 500);
      const died = (status, signal) => settle({ failed: this.#death(status, signal) });
      child.on('message', settle).on('exit', died);
      if (ended(child)) died(child.exitCode, child.signalCode);
      else child.send({ number, stage, last }, () => {});
    });
    const { megabytes = 0, ...result } = outcome;
    if (!result.failed && memoryLimit && megabytes > memoryLimit) result.failed = `takes ${megabytes} MB`;
    if (last && !result.failed) Object.assign(result, await this.#ended());
    if (ended(child) || /^(hangs|takes)/.test(result.failed ?? '')) await this.#end('SIGKILL');
    return result;
  }

  async close() {
    const child = this.#child;
    if (child?.connected) child.disconnect();
    return child ? this.#ended() : {};
  }

  async #start() {
    this.#errors = '';
    fs.rmSync(this.#temporary, { recursive: true, force: true });
    fs.mkdirSync(this.#temporary);
    const { name, seed, folder } = this.options;
    const child = fork(WORKER, [name, String(seed), folder], {
      // A backtrace is made with a debugger, which takes longer than the case.
      env: { ...process.env, TMPDIR: this.#temporary, NODE_NO_WARNINGS: '1', GGML_NO_BACKTRACE: '1' },
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    await Promise.race([once(child, 'message'), once(child, 'exit')]);
    return child;
  }

  /** Waits for a worker that is to end by itself. */
  async #ended() {
    const child = this.#child;
    this.#child = undefined;
    if (!ended(child)) {
      const timer = setTimeout(() => child.kill('SIGKILL'), this.options.timeout * crowding() * 1000);
      await once(child, 'exit');
      clearTimeout(timer);
    }
    return child.exitCode === 0 ? {} : { failed: `at the end, ${this.#death(child.exitCode, child.signalCode)}` };
  }

  async #end(signal) {
    const child = this.#child;
    this.#child = undefined;
    if (!child || ended(child)) return;
    child.kill(signal);
    await once(child, 'exit');
  }

  #death(status, signal) {
    const said = this.#errors.trim();
    return `dies of ${signal ?? `status ${status}`}: ${said.split('\n').at(-1)}\n${said}`;
  }
}
