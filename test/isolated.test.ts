// The engine in a process of its own: the same answers, and a death that the application survives.
import { execFileSync, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { NativeGenerate, NativeModelOptions } from '../lib/addon/native.js';
import { type Channel, openChannel, type UtilityProcess } from '../lib/engine/isolated/channel.js';
import type { FromEngine, ToEngine } from '../lib/engine/isolated/wire.js';
import { PaliGemma } from '../lib/index.js';
import { EMBEDDED, PICTURE, ROOT, scratch } from './helpers/fixtures.js';

const OWL = 'an owl and a cat';

const open: PaliGemma[] = [];
async function load(options: Parameters<typeof PaliGemma.load>[1] = {}): Promise<PaliGemma> {
  const model = await PaliGemma.load(EMBEDDED, { isolated: true, ...options });
  open.push(model);
  return model;
}
afterEach(async () => {
  delete process.env.PALIGEMMA_FAULTS;
  await Promise.all(open.splice(0).map((model) => model.dispose()));
});

/** As the library asks for them. */
const OPTIONS: NativeModelOptions = {
  textPath: path.join(EMBEDDED, 'model.gguf'),
  visionPath: path.join(EMBEDDED, 'mmproj.gguf'),
  ...{ device: '', threads: 1, mapWeights: true, cacheType: 'f16', imageToken: 0, featureCacheBytes: 0 },
  ...{ contextTokens: 1024, maxSequences: 4, batchTokens: 1024, visionBatchTokens: 1024 },
};
const REQUEST: NativeGenerate = {
  ...{
    kind: 'generate',
    id: 0,
    images: [],
    prompt: 'caption en',
    maxTokens: 900,
    stream: true,
    locations: true,
    stop: [],
  },
  ...{ temperature: 20, topK: 0, topP: 1, seed: 1, numBeams: 1, lengthPenalty: 1 },
};

/** The program of such a process, by itself. */
function engineProgram() {
  const child = fork(path.join(ROOT, 'dist', 'engine-process.js'), [], { serialization: 'advanced', execArgv: [] });
  const told = <Type extends string>(type: Type): Promise<unknown> =>
    new Promise((resolve) =>
      child.on('message', (message: FromEngine) => {
        if (message.type === type) resolve(message);
        if (message.type === 'event' && message.event.type === type) resolve(message.event);
      }),
    );
  const end = new Promise((resolve) => child.on('exit', (status, signal) => resolve(signal ?? status)));
  return { child, told, end, send: (message: ToEngine) => void child.send(message) };
}

/** The engines' processes of this one. */
function engines(): number[] {
  const list = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' });
  return list
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, parent, ...args]) => Number(parent) === process.pid && args.join(' ').includes('engine-process'))
    .map(([pid]) => Number(pid));
}

describe('an engine in a process of its own', () => {
  test('answers everything as one in this process does', async () => {
    const ask = async (model: PaliGemma) => {
      const { text, tokens } = await model.generate({ prompt: 'caption en', images: [PICTURE], logprobs: 2 });
      const pieces: string[] = [];
      for await (const piece of model.stream({ prompt: 'caption en', images: [PICTURE] })) pieces.push(piece);
      const { inputIds, logits } = await model.trace({ prompt: 'caption en', images: [PICTURE] });
      const results: unknown[] = [];
      for await (const result of model.batch([PICTURE, PICTURE, '/none.png'], { ordered: true }))
        results.push({ ...result, timings: undefined });
      return {
        text,
        tokens,
        pieces,
        inputIds,
        logits,
        results,
        features: await model.encode(PICTURE),
        beams: await model.caption(PICTURE, { numBeams: 3 }),
        detections: await model.detect(PICTURE, 'owl ; cat'),
        segments: await model.segment(PICTURE, 'owl'),
        score: await model.score({ prompt: 'caption en', images: [PICTURE], answer: OWL }),
        refused: await model.generate({ prompt: 'x '.repeat(5000) }).catch((error) => error.code),
        info: { ...model.info, isolated: undefined },
      };
    };
    const isolated = await load();
    expect(isolated.info.isolated).toBe(true);
    expect(engines()).toHaveLength(1);
    const plain = await PaliGemma.load(EMBEDDED);
    open.push(plain);
    expect(await ask(isolated)).toEqual(await ask(plain));
  });

  test('gives everything back on dispose, and rejects what is unfinished', async () => {
    const model = await load();
    const unfinished = model.generate({ prompt: 'caption en', images: [PICTURE], temperature: 20, maxTokens: 900 });
    const [code] = await Promise.all([unfinished.catch((error) => error.code), model.dispose()]);
    expect(code).toBe('ERR_DISPOSED');
    expect(engines()).toEqual([]);
    await expect(model.caption(PICTURE)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });

  test('stops at an abort, while it computes and while it loads', async () => {
    const model = await load();
    const signal = AbortSignal.timeout(30);
    await expect(
      model.generate({ prompt: 'caption en', images: [PICTURE], temperature: 20, maxTokens: 900, signal }),
    ).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(await model.caption(PICTURE)).toBe(OWL);
    await expect(load({ signal: AbortSignal.timeout(5) })).rejects.toMatchObject({ name: 'TimeoutError' });
    await expect(load({ device: 'cuda:7' })).rejects.toMatchObject({ code: 'ERR_DEVICE_UNAVAILABLE' });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(engines()).toHaveLength(1);
  });

  test('that is killed rejects its calls with the signal, each once, and the next call finds a new one', async () => {
    const model = await load();
    for (let round = 1; round <= 3; round++) {
      const pids = engines();
      let settled = 0;
      const calls = Array.from({ length: 32 }, () =>
        model
          .generate({ prompt: 'caption en', temperature: 20, maxTokens: 300 })
          .then(
            ({ finishReason }) => finishReason as string,
            ({ code, signal }) => `${code} ${signal}`,
          )
          .finally(() => settled++),
      );
      await new Promise((resolve) => setTimeout(resolve, 100 * round));
      for (const pid of pids) process.kill(pid, 'SIGKILL');
      const outcomes = await Promise.all(calls);
      expect(outcomes).toContain('ERR_ENGINE_DIED SIGKILL');
      expect(outcomes.filter((outcome) => !/^(stop|length|ERR_ENGINE_DIED SIGKILL)$/.test(outcome))).toEqual([]);
      expect(settled).toBe(32);
      expect(await model.caption(PICTURE)).toBe(OWL);
    }
  });

  test('that ends inside ggml says so, and is not started for ever', async () => {
    process.env.PALIGEMMA_FAULTS = 'decode:abort:2';
    const model = await load();
    const outcome = () => model.caption(PICTURE).catch(({ code, signal, message }) => ({ code, signal, message }));
    for (let i = 0; i < 3; i++)
      expect(await outcome()).toEqual({
        code: 'ERR_ENGINE_DIED',
        signal: 'SIGABRT',
        message: expect.stringMatching(/died of SIGABRT \(.*on purpose, at decode\)/),
      });
    expect(engines()).toEqual([]);
    expect(await outcome()).toMatchObject({
      code: 'ERR_ENGINE_DIED',
      message: expect.stringMatching(/3 times without an answer.*load the model again/),
    });
    expect(engines()).toEqual([]);
  });

  test('that is given up leaves its calls to those of other devices', async () => {
    process.env.PALIGEMMA_FAULTS = 'decode:abort:1'; // of the first one and of those that follow it
    const model = await load({
      devices: ['cpu', 'cpu'],
      onProgress({ done }) {
        if (done >= 0.5) delete process.env.PALIGEMMA_FAULTS;
      },
    });
    const [, other] = engines();
    process.env.PALIGEMMA_FAULTS = 'decode:abort:1';
    for (let i = 0; i < 3; i++) await expect(model.caption(PICTURE)).rejects.toMatchObject({ signal: 'SIGABRT' });
    expect(await Promise.all(Array.from({ length: 8 }, () => model.caption(PICTURE)))).toEqual(Array(8).fill(OWL));
    expect(engines()).toEqual([other]);
  });

  test('ends without a crash when who started it is gone, in the middle of its work', async () => {
    const { child, told, end, send } = engineProgram();
    await told('ready');
    send({ type: 'open', options: OPTIONS });
    await told('loaded');
    for (let id = 1; id <= 16; id++) send({ type: 'submit', request: { ...REQUEST, id } });
    await told('text');
    child.disconnect();
    expect(await end).toBe('SIGKILL'); // by its own hand: neither SIGSEGV nor SIGABRT
  });

  test('fails a request that cannot be taken, and answers the next one', async () => {
    const { told, end, send } = engineProgram();
    await told('ready');
    send({ type: 'open', options: OPTIONS });
    await told('loaded');
    const failed = told('failed');
    send({ type: 'submit', request: { ...REQUEST, id: 1, stop: undefined as unknown as string[] } });
    expect(await failed).toMatchObject({ id: 1, cause: 'computing' });
    const done = told('done');
    send({ type: 'submit', request: { ...REQUEST, id: 2, maxTokens: 2 } });
    expect(await done).toMatchObject({ id: 2 });
    send({ type: 'stop' });
    expect(await end).toBe(0);
  });

  test('that cannot be started says why', async () => {
    process.env.NODE_OPTIONS = '--require /none.cjs';
    try {
      await expect(load()).rejects.toMatchObject({
        code: 'ERR_ENGINE_DIED',
        message: expect.stringMatching(/died with exit status 1 \(Error: Cannot find module '\/none.cjs'\)$/),
      });
    } finally {
      delete process.env.NODE_OPTIONS;
    }
  });

  test('that is killed in the midst of a batch costs no picture its answer', async () => {
    const model = await load();
    const results: unknown[] = [];
    for await (const { text, error } of model.batch(Array(40).fill(PICTURE))) {
      if (results.length === 3) for (const pid of engines()) process.kill(pid, 'SIGKILL');
      results.push(text ?? error?.code);
    }
    expect(results).toEqual(Array(40).fill(OWL));
  });

  test('lets the application end without dispose, and ends with it', async () => {
    const file = path.join(scratch('isolated'), 'program.mjs');
    fs.writeFileSync(
      file,
      `import { PaliGemma } from ${JSON.stringify(path.join(ROOT, 'dist', 'index.js'))};
      const model = await PaliGemma.load(${JSON.stringify(EMBEDDED)}, { isolated: true });
      console.log(await model.caption(${JSON.stringify(PICTURE)}));`,
    );
    expect(execFileSync(process.execPath, [file], { encoding: 'utf8', timeout: 60_000 })).toBe(`${OWL}\n`);
  });
});

describe("Electron's utility process", () => {
  /** Stands in for Electron: a child of Node that sees `process.parentPort`. */
  const standIn: UtilityProcess = {
    fork(file, args, { env }) {
      const shim = path.join(scratch('electron'), 'shim.mjs');
      fs.writeFileSync(
        shim,
        `import { EventEmitter } from 'node:events';
        process.parentPort = Object.assign(new EventEmitter(), { postMessage: (message) => process.send(message) });
        process.on('message', (data) => process.parentPort.emit('message', { data }));`,
      );
      const child = fork(file, args, { env, execArgv: ['--import', shim], serialization: 'advanced', silent: true });
      return Object.assign(new EventEmitter(), {
        stderr: child.stderr,
        postMessage: (message: object) => void child.send(message),
        kill: () => child.kill(),
        on: (event: string, listener: (value: never) => void) => void child.on(event, listener as () => void),
      });
    },
  };

  test('carries the same messages', async () => {
    let channel: Channel | undefined;
    const seen: FromEngine[] = [];
    const ended = new Promise((resolve) => {
      channel = openChannel(
        {
          message(message) {
            seen.push(message);
            if (message.type === 'ready') channel?.send({ type: 'stop' }); // it has opened nothing
          },
          end: resolve,
        },
        standIn,
      );
    });
    expect(await ended).toEqual({ signal: undefined, exitCode: 0, lastWords: '' });
    expect(seen).toMatchObject([
      { type: 'ready', devices: expect.arrayContaining([expect.objectContaining({ backend: 'cpu' })]) },
    ]);
  });
});
