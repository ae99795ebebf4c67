// The built package as its users meet it: both module systems, worker threads, and the end of a process.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { EMBEDDED, PICTURE, ROOT, scratch, within } from './helpers/fixtures.js';

/** Runs a program in a folder where `node-paligemma` is installed. */
function run(name: string, code: string): Promise<{ status: number | null; out: string; err: string }> {
  const folder = scratch('user');
  fs.mkdirSync(path.join(folder, 'node_modules'));
  fs.symlinkSync(ROOT, path.join(folder, 'node_modules', 'node-paligemma'), 'junction');
  fs.writeFileSync(path.join(folder, name), code);
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [path.join(folder, name)],
      { encoding: 'utf8', timeout: 120_000 },
      (_, out, err) => resolve({ status: child.exitCode, out, err }),
    );
  });
}

const paths = `const MODEL = ${JSON.stringify(EMBEDDED)}, PICTURE = ${JSON.stringify(PICTURE)};`;

describe('the built package', () => {
  test('is imported', async () => {
    const { out, err } = await run(
      'a.mjs',
      `import { PaliGemma } from 'node-paligemma'; ${paths}
      const model = await PaliGemma.load(); console.log(await model.caption(PICTURE));`.replace('await using', 'const'),
    );
    expect(out).toBe('an owl and a cat\n');
    expect(err).toMatch(/PALIGEMMA_EMBEDDED_MODEL.*embedded paligemma-emoji-112/);
  });

  test('is required', async () => {
    const { out } = await run(
      'a.cjs',
      `const { PaliGemma, PaliGemmaError } = require('node-paligemma'); ${paths}
      PaliGemma.load(MODEL).then(async (model) => {
        console.log(await model.caption(PICTURE));
        await model.caption('/no').catch((error) => console.log(error instanceof PaliGemmaError, error.code));
        await model.dispose();
      });`,
    );
    expect(out).toBe('an owl and a cat\ntrue ERR_INVALID_IMAGE\n');
  });

  test('lets a process end that forgot to dispose', async () => {
    const { status, out } = await run(
      'a.mjs',
      `import { PaliGemma } from 'node-paligemma'; ${paths}
      const model = await PaliGemma.load(MODEL); console.log(await model.caption(PICTURE));`,
    );
    expect({ status, out }).toEqual({ status: 0, out: 'an owl and a cat\n' });
  });

  test('lets a process end after an abort or a loop left early, without dispose', async () => {
    const { status, out } = await run(
      'a.mjs',
      `import { PaliGemma } from 'node-paligemma'; ${paths}
      const model = await PaliGemma.load(MODEL);
      for (const ms of [0, 2, 5, 10, 25]) await model.generate({ prompt: 'caption en', images: [PICTURE, PICTURE, PICTURE], signal: AbortSignal.timeout(ms) }).catch(() => {});
      for await (const _ of model.stream({ prompt: 'caption en', images: [PICTURE] })) break;
      console.log('end');`,
    );
    expect({ status, out }).toEqual({ status: 0, out: 'end\n' });
  });

  // AddressSanitizer holds freed memory back.
  const unlessSanitized = process.env.ASAN_OPTIONS ? test.skip : test;
  unlessSanitized(
    'keeps memory flat over hundreds of captions and many loads',
    async () => {
      const { out } = await run(
        'a.mjs',
        `import { PaliGemma } from 'node-paligemma'; ${paths}
      import { setFlagsFromString } from 'node:v8'; import { runInNewContext } from 'node:vm';
      setFlagsFromString('--expose-gc'); const gc = runInNewContext('gc');
      const resident = () => { gc(); return process.memoryUsage().rss / 2 ** 20; };
      const model = await PaliGemma.load(MODEL);

      for (let i = 0; i < 400; i++) await model.caption(PICTURE);
      const before = resident();
      for (let i = 0; i < 400; i++) await model.caption(PICTURE);
      const captions = resident() - before;
      await model.dispose();
      for (let i = 0; i < 20; i++) await (await PaliGemma.load(MODEL)).dispose();
      const loaded = resident();
      for (let i = 0; i < 40; i++) await (await PaliGemma.load(MODEL)).dispose();
      console.log(JSON.stringify({ captions, loads: resident() - loaded }));`,
      );
      const { captions, loads } = JSON.parse(out);
      expect(captions).toBeLessThan(12); // MB
      expect(loads).toBeLessThan(12);
    },
    within(150_000),
  );

  test('ends with the process in the middle of a generation', async () => {
    const { status } = await run(
      'a.mjs',
      `import { PaliGemma } from 'node-paligemma'; ${paths}
      const model = await PaliGemma.load(MODEL);
      model.generate({ prompt: 'caption en', images: Array(12).fill(PICTURE), maxTokens: 900, temperature: 20 });
      setTimeout(() => process.exit(7), 40);`,
    );
    expect(status).toBe(7);
  });

  test('runs in worker threads and the main thread at once, and survives their end', async () => {
    const { status, out } = await run(
      'a.cjs',
      `const { Worker, isMainThread, parentPort } = require('node:worker_threads');
      const { PaliGemma } = require('node-paligemma'); ${paths}
      async function captions(n) { const model = await PaliGemma.load(MODEL, { threads: 1 }); let text;
        for (let i = 0; i < n; i++) text = await model.caption(PICTURE); return { model, text }; }
      if (!isMainThread) captions(1e6).catch(() => {}); else (async () => {
        const workers = [1, 2].map(() => new Worker(__filename));
        const { model, text } = await captions(5);
        console.log(text, await Promise.all(workers.map((worker) => worker.terminate())));
        console.log(await model.caption(PICTURE)); await model.dispose();
      })();`,
    );
    expect({ status, out }).toEqual({ status: 0, out: 'an owl and a cat [ 1, 1 ]\nan owl and a cat\n' });
  });
});
