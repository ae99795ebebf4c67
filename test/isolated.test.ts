// The engine in a process of its own: the same answers, and a death that the application survives.
import { execFileSync, fork } from 'node:child_process';
import { EventEmitter } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Channel, openChannel, type UtilityProcess } from '../lib/engine/isolated/channel.js';
import type { FromEngine } from '../lib/engine/isolated/wire.js';
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
