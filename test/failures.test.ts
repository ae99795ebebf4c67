// What one request causes ends that request. Failures are made on purpose, in processes of their own: see native/base/faults.h.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PaliGemma } from '../lib/index.js';
import { onCard } from './helpers/card.js';
import { converted, EMBEDDED, PICTURE, ROOT, reference, scratch, within } from './helpers/fixtures.js';
import { Gguf, typeName } from './helpers/gguf.js';

const OWL = 'an owl and a cat';

/** Runs `code` with a model and a `caption` that gives the text or the code of the error; what it returns comes back. */
function withFaults(faults: string, code: string): Promise<unknown> {
  const file = path.join(scratch('faults'), 'program.mjs');
  fs.writeFileSync(
    file,
    `import { PaliGemma } from ${JSON.stringify(pathToFileURL(path.join(ROOT, 'dist', 'index.js')))};
    const PICTURE = ${JSON.stringify(PICTURE)};
    const model = await PaliGemma.load(${JSON.stringify(EMBEDDED)}, { featureCache: 0 });
    const outcome = (promise) => promise.catch((error) => error.code ?? String(error));
    const caption = () => outcome(model.caption(PICTURE));
    const together = (n) => Promise.all(Array.from({ length: n }, caption));
    console.log(JSON.stringify(await (async () => { ${code} })()));
    await model.dispose();`,
  );
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [file],
      { env: { ...process.env, PALIGEMMA_FAULTS: faults, GGML_NO_BACKTRACE: '1' }, timeout: within(120_000) },
      (error, out, err) => (error ? reject(new Error(`${error.message}\n${err}`)) : resolve(JSON.parse(out))),
    );
  });
}

describe('a failure ends the request that it belongs to', () => {
  test('of a prompt', async () => {
    expect(await withFaults('prefix:error:2', 'return [await caption(), await caption(), await caption()];')).toEqual([
      OWL,
      'ERR_INFERENCE_FAILED',
      OWL,
    ]);
  });

  test('of a prompt among others that are taken up with it', async () => {
    const outcomes = (await withFaults('prefix:memory:3', 'return together(8);')) as string[];
    expect(outcomes.filter((outcome) => outcome === 'ERR_OUT_OF_MEMORY')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === OWL)).toHaveLength(7);
  });

  test('of an image', async () => {
    expect(await withFaults('encode:error:1', 'return [await caption(), await caption()];')).toEqual([
      'ERR_INFERENCE_FAILED',
      OWL,
    ]);
  });

  test('of the prefix, and of a token later on', async () => {
    expect(await withFaults('decode:error:1', 'return [await caption(), await caption()];')).toEqual([
      'ERR_INFERENCE_FAILED',
      OWL,
    ]);
    expect(await withFaults('decode:error:4', 'return [await caption(), await caption()];')).toEqual([
      'ERR_INFERENCE_FAILED',
      OWL,
    ]);
  });

  test('of a mask', async () => {
    const boxes =
      'return [await outcome(model.segment(PICTURE, "owl").then((found) => found.length)), await caption()];';
    expect(await withFaults('masks:error:1', boxes)).toEqual(['ERR_INFERENCE_FAILED', OWL]);
  });

  test('of a beam search', async () => {
    const beams =
      'return [await outcome(model.caption(PICTURE, { numBeams: 4 })), await outcome(model.caption(PICTURE, { numBeams: 4 }))];';
    expect(await withFaults('decode:error:2', beams)).toEqual(['ERR_INFERENCE_FAILED', OWL]);
  });
});

describe('too little memory', () => {
  test('for one request is its error', async () => {
    expect(await withFaults('decode:memory:1', 'return [await caption(), await caption()];')).toEqual([
      'ERR_OUT_OF_MEMORY',
      OWL,
    ]);
  });

  test('for several at once has them computed fewer at a time', async () => {
    const code = `const ask = (i) => outcome(model.generate({ prompt: 'caption en', maxTokens: 5 + (i % 3) }).then(({ text }) => text));
      const together = await Promise.all(Array.from({ length: 24 }, (_, i) => ask(i)));
      return [together, await ask(0), await ask(1), await ask(2)];`;
    let whole = 0;
    for (const number of [2, 3, 4, 5]) {
      const [together, ...alone] = (await withFaults(`decode:memory:${number}`, code)) as [string[], ...string[]];
      const wrong = together.filter((text, i) => text !== alone[i % 3]);
      expect(wrong.filter((text) => text !== 'ERR_OUT_OF_MEMORY')).toEqual([]);
      expect(wrong.length).toBeLessThanOrEqual(1); // the first may be computed alone, and then has nothing to give up
      whole += wrong.length === 0 ? 1 : 0;
    }
    expect(whole).toBeGreaterThan(0);
  });

  test('for several images has them encoded fewer at a time', async () => {
    const code = `const images = [PICTURE, PICTURE.replace('owl-and-cat', 'fish-and-cow'), PICTURE.replace('owl-and-cat', 'rabbit-and-doughnut')];
      const ask = () => outcome(model.generate({ prompt: 'caption en', images }).then(({ tokens }) => tokens));
      return [await ask(), await ask()];`;
    const [first, second] = (await withFaults('encode:memory:1', code)) as number[][];
    expect(first).toEqual(second);
    expect(first?.length).toBeGreaterThan(1);
  });

  test('again and again ends at most those that are alone', async () => {
    const outcomes = (await withFaults('decode:memory:/7', 'return together(24);')) as string[];
    expect(new Set(outcomes.filter((outcome) => outcome !== OWL))).toEqual(
      outcomes.every((outcome) => outcome === OWL) ? new Set() : new Set(['ERR_OUT_OF_MEMORY']),
    );
    expect(outcomes.filter((outcome) => outcome === OWL).length).toBeGreaterThan(12);
  });
});

describe('weights that are not numbers', () => {
  const questions: Record<string, (model: PaliGemma) => Promise<unknown>> = {
    greedy: (model) => model.caption(PICTURE),
    sampled: (model) => model.caption(PICTURE, { temperature: 1 }),
    beams: (model) => model.caption(PICTURE, { numBeams: 3 }),
    detected: (model) => model.detect(PICTURE, 'owl'),
    scored: (model) => model.score({ prompt: 'caption en', images: [PICTURE], answer: OWL }),
    traced: (model) => model.trace({ prompt: 'caption en', images: [PICTURE] }),
  };

  /** The embedded model with a float32 value of one tensor replaced. */
  function damaged(file: 'model.gguf' | 'mmproj.gguf', tensor: string, value: number): string {
    const folder = scratch('damaged');
    for (const name of ['model.gguf', 'mmproj.gguf'])
      fs.copyFileSync(path.join(EMBEDDED, name), path.join(folder, name));
    const gguf = Gguf.read(path.join(EMBEDDED, file));
    const found = gguf.tensor(tensor);
    expect(typeName(found.type)).toBe('f32');
    found.data = Buffer.concat([Buffer.from(Float32Array.of(value).buffer), found.data.subarray(4)]);
    fs.writeFileSync(path.join(folder, file), gguf.bytes());
    return folder;
  }

  const told = [
    ['model.gguf', 'output_norm.weight', Number.NaN],
    ['model.gguf', 'blk.1.attn_norm.weight', Number.POSITIVE_INFINITY],
    ['mmproj.gguf', 'v.post_ln.weight', Number.NaN],
  ] as const;
  // A card's attention may make a number of NaN; that of logits is told in any case.
  test.each(onCard ? told.slice(0, 1) : told)('are told: %s %s %d', async (file, tensor, value) => {
    const model = await PaliGemma.load(damaged(file, tensor, value));
    for (const [name, ask] of Object.entries(questions))
      await expect(ask(model).then((answer) => [name, answer])).rejects.toMatchObject({
        code: 'ERR_INFERENCE_FAILED',
        message: expect.stringMatching(/not finite numbers.*NaN or infinity/),
      });
    if (file === 'mmproj.gguf') {
      await expect(model.encode(PICTURE)).rejects.toMatchObject({ code: 'ERR_INFERENCE_FAILED' });
      expect((await model.generate({ prompt: 'caption en' })).tokens.length).toBeGreaterThan(0); // no picture, no harm
    }
    await model.dispose();
  });

  test('in masks are told too', async () => {
    const model = await PaliGemma.load(damaged('mmproj.gguf', 'mask.decoder.12.bias', Number.NaN));
    await expect(model.segment(PICTURE, 'owl')).rejects.toMatchObject({ code: 'ERR_INFERENCE_FAILED' });
    expect(await model.caption(PICTURE)).toBe(OWL);
    await model.dispose();
  });
});

describe('beam search', () => {
  let model: PaliGemma;
  beforeAll(async () => {
    model = await PaliGemma.load(await converted(reference('pg1-random'), 'f32'));
  });
  afterAll(() => model.dispose());

  test('lets others compute between two of its steps', async () => {
    let searching = true;
    const beams = model.generate({ prompt: 'caption en', numBeams: 4, maxTokens: 150 }).then((found) => {
      searching = false;
      return found;
    });
    await new Promise((resolve) => setTimeout(resolve, 30)); // it has begun
    const { tokens } = await model.generate({ prompt: 'caption en', maxTokens: 5 });
    expect(tokens.length).toBeGreaterThan(0);
    expect(searching).toBe(true);
    expect((await beams).tokens).toEqual(
      (await model.generate({ prompt: 'caption en', numBeams: 4, maxTokens: 150 })).tokens,
    );
  });

  test('that waits for another one keeps nobody else waiting', async () => {
    const one = await PaliGemma.load(await converted(reference('pg1-random'), 'f32'), { maxSequences: 1 });
    const order: string[] = [];
    const ask = (name: string, request: { numBeams?: number; maxTokens: number }) =>
      one.generate({ prompt: 'caption en', ...request }).then(() => order.push(name));
    const beams = { numBeams: 4, maxTokens: 150 };
    await Promise.all([ask('first', beams), ask('second', beams), ask('third', beams), ask('plain', { maxTokens: 3 })]);
    await one.dispose();
    expect(order).toEqual(['plain', 'first', 'second', 'third']);
  });

  test('ends when it is aborted, and several wait for each other', async () => {
    const leave = new AbortController();
    const request = { prompt: 'caption en', numBeams: 4, maxTokens: 100 };
    const aborted = model.generate({ ...request, signal: leave.signal });
    const others = [model.generate(request), model.generate(request)];
    setTimeout(() => leave.abort(new Error('enough')), 20);
    await expect(aborted).rejects.toThrow('enough');
    const [first, second] = await Promise.all(others);
    expect(first?.tokens).toEqual(second?.tokens);
  });
});
