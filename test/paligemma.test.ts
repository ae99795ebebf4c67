// How a model behaves towards its callers; what it answers is the matter of the reference tests.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { listDevices, PaliGemma } from '../lib/index.js';
import { by } from './helpers/card.js';
import { EMBEDDED, emoji, PICTURE, scratch, within } from './helpers/fixtures.js';
import { Gguf } from './helpers/gguf.js';

let model: PaliGemma;
beforeAll(async () => {
  model = await PaliGemma.load(EMBEDDED);
});
afterAll(() => model.dispose());

const request = { prompt: 'caption en', images: [PICTURE] };
const slow = { prompt: 'caption en', images: Array(12).fill(PICTURE), maxTokens: 200 };
const code = (expected: string) => expect.objectContaining({ code: expected });

describe('info', () => {
  test('describes the loaded model', () => {
    expect(model.info).toMatchObject({
      embedded: true,
      device: listDevices()[0]?.device,
      quantization: 'f16',
      imageSize: 112,
      imageTokens: 64,
      width: 256,
      licence: 'cc-by-4.0',
    });
    const sequences = by(32, 128);
    expect(model.info.maxSequences).toBe(sequences);
    expect(model.info.memory.cache).toBe(sequences * 2 * 4 * 64 * 1024 * 2); // sequences, keys and values, layers, head size, context, float16
  });
});

describe('generate', () => {
  test('gives text, tokens, usage and timings', async () => {
    const generation = await model.generate(request);
    expect(generation).toMatchObject({
      text: 'an owl and a cat',
      finishReason: 'stop',
      usage: { imageTokens: 64, promptTokens: 4, newTokens: 6 },
    });
    expect(generation.tokens).toHaveLength(6);
    const { total, ...parts } = generation.timings;
    expect(Object.values(parts).every((ms) => ms >= 0 && ms <= total)).toBe(true);
  });
  test('stops at maxTokens', async () => {
    expect(await model.generate({ ...request, maxTokens: 2 })).toMatchObject({
      finishReason: 'length',
      usage: { newTokens: 2 },
      text: 'an owl',
    });
  });
  test('stops when the context is full', async () => {
    await using small = await PaliGemma.load(EMBEDDED, { contextTokens: 256 });
    const { finishReason, usage } = await small.generate({
      prompt: 'a '.repeat(180),
      images: [PICTURE],
      maxTokens: 1000,
      temperature: 3,
      seed: 1,
    });
    expect(usage.imageTokens + usage.promptTokens + usage.newTokens).toBeLessThanOrEqual(257);
    expect(['length', 'stop']).toContain(finishReason);
  });
  test('answers about several images', async () => {
    expect((await model.generate({ prompt: 'caption en', images: [PICTURE, PICTURE] })).usage.imageTokens).toBe(128);
  });
  test('answers without an image', async () => {
    expect((await model.generate({ prompt: 'caption en', maxTokens: 3 })).usage).toMatchObject({
      imageTokens: 0,
      promptTokens: 4,
    });
  });
  test('draws the same text from the same seed', async () => {
    const draw = (seed: number) =>
      model.generate({ ...request, temperature: 2, topK: 100, topP: 0.95, seed }).then(({ text }) => text);
    const texts = await Promise.all([1, 2, 3, 4, 5, 6].map(draw));
    expect(await Promise.all([1, 2, 3, 4, 5, 6].map(draw))).toEqual(texts);
    expect(new Set(texts).size).toBeGreaterThan(1);
  });
  test('drawing with topK 1 is greedy', async () => {
    expect((await model.generate({ ...request, temperature: 1, topK: 1 })).text).toBe('an owl and a cat');
  });
  test('takes the first of equally probable tokens', async () => {
    const [best = 0] = (await model.generate({ ...request, maxTokens: 1 })).tokens;
    const folder = scratch('equal');
    fs.copyFileSync(path.join(EMBEDDED, 'mmproj.gguf'), path.join(folder, 'mmproj.gguf'));
    const gguf = Gguf.read(path.join(EMBEDDED, 'model.gguf'));
    const { data, shape } = gguf.tensor('token_embd.weight');
    const row = data.length / (shape[1] as number);
    for (let i = 1; i <= 9; i++) data.copyWithin((best - i) * row, best * row, (best + 1) * row);
    fs.writeFileSync(path.join(folder, 'model.gguf'), gguf.bytes());
    await using equal = await PaliGemma.load(folder);
    expect((await equal.generate({ ...request, maxTokens: 1 })).tokens).toEqual([best - 9]);
  });
  test('finishes all of many calls made at once', async () => {
    await using wide = await PaliGemma.load(EMBEDDED, { maxSequences: 4 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => wide.caption(PICTURE)));
    expect(new Set(answers)).toEqual(new Set(['an owl and a cat']));
  });
});

describe('prompts', () => {
  const ids = async (prompt: string) => [...(await model.trace({ prompt })).inputIds];

  test('end in a line break of its own, also after another one', async () => {
    expect(await ids('')).toEqual([2, 5]);
    expect(await ids('\n')).toEqual([2, 5, 5]);
  });
  test('hold locations and mask codes as tokens', async () => {
    expect(await ids('<loc0000><loc1023><seg000><seg127>')).toEqual([2, 2048, 3071, 3072, 3199, 5]);
  });
  test.each(['<image>', '<eos>', '<bos>', '<pad>', '<unk>', '<mask>'])(
    'take %s as text that never acts',
    async (text) => {
      const [first, ...rest] = await ids(`a ${text} b`);
      expect(first).toBe(2);
      expect(rest.filter((id) => id <= 4 || id === 3200)).toEqual([]);
      expect(
        (await model.generate({ ...request, prompt: `caption en${text}`, maxTokens: 5 })).usage.newTokens,
      ).toBeGreaterThan(0);
    },
  );
  test('may be of any script', async () => {
    expect((await ids('你好 🙂 ñ\u0000x')).length).toBeGreaterThan(5);
  });
  test('longer than the context are refused with both numbers', async () => {
    await expect(model.generate({ ...request, prompt: 'dog '.repeat(2000) })).rejects.toMatchObject({
      code: 'ERR_PROMPT_TOO_LONG',
      message: expect.stringMatching(/are 20\d\d tokens, the context holds 1024/),
    });
    expect(await model.caption(PICTURE)).toBe('an owl and a cat');
  });
});

describe('caption', () => {
  test.each([
    ['en', 'an owl and a cat'],
    ['es', 'un búho y un gato'],
    ['zh', '一只猫头鹰和一只猫'],
  ])('in %s', async (language, text) => expect(await model.caption(PICTURE, { language })).toBe(text));
  test('refuses what is no language', () =>
    expect(model.caption(PICTURE, { language: 'en\n' })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' }));
});

describe('stream', () => {
  const collect = async (pieces: AsyncIterable<string>) => {
    const all: string[] = [];
    for await (const piece of pieces) all.push(piece);
    return all;
  };

  test('gives the text in pieces and the result at the end', async () => {
    const stream = model.stream({ prompt: 'caption zh', images: [PICTURE] });
    const pieces = await collect(stream);
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join('')).toBe('一只猫头鹰和一只猫');
    expect(await stream.result).toMatchObject({ text: pieces.join(''), finishReason: 'stop' });
  });
  test('never cuts a character', async () => {
    for (let seed = 0; seed < 10; seed++) {
      const stream = model.stream({ prompt: 'caption zh', images: [PICTURE], temperature: 20, seed, maxTokens: 60 });
      const pieces = await collect(stream);
      expect(pieces.every((piece) => Buffer.from(piece).toString() === piece)).toBe(true);
      expect(pieces.join('')).toBe((await stream.result).text);
    }
  });
  test('left early stops the generation', async () => {
    const stream = model.stream({ prompt: 'caption en', images: [PICTURE], temperature: 20, seed: 3, maxTokens: 900 });
    for await (const _ of stream) break;
    await expect(stream.result).rejects.toMatchObject({ name: 'AbortError' });
    expect(await model.caption(PICTURE)).toBe('an owl and a cat');
  });
  test('throws in the loop what goes wrong', async () => {
    await expect(collect(model.stream({ prompt: 'caption en', images: ['/no/such.png'] }))).rejects.toMatchObject({
      code: 'ERR_INVALID_IMAGE',
    });
    await expect(collect(model.stream({ prompt: 5 as never }))).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});

describe('bad arguments', () => {
  test.each([
    ['no request', undefined],
    ['no prompt', {}],
    ['a negative maxTokens', { ...request, maxTokens: -1 }],
    ['maxTokens of 0', { ...request, maxTokens: 0 }],
    ['a broken maxTokens', { ...request, maxTokens: 1.5 }],
    ['a temperature that is no number', { ...request, temperature: Number.NaN }],
    ['a topP above 1', { ...request, temperature: 1, topP: 1.1 }],
    ['a negative seed', { ...request, seed: -1 }],
    ['images that are no array', { ...request, images: PICTURE }],
    ['a signal that is none', { ...request, signal: {} }],
  ])('%s', (_, bad) => expect(model.generate(bad as never)).rejects.toEqual(code('ERR_INVALID_ARGUMENT')));

  test.each([
    ['threads of 0', { threads: 0 }, 'ERR_INVALID_ARGUMENT'],
    ['a context too small for an image', { contextTokens: 10 }, 'ERR_INVALID_ARGUMENT'],
    ['too many sequences', { maxSequences: 257 }, 'ERR_INVALID_ARGUMENT'],
    ['another cache type', { cacheType: 'q4' }, 'ERR_INVALID_ARGUMENT'],
    ['a device this build lacks', { device: 'cuda' }, 'ERR_DEVICE_UNAVAILABLE'],
  ])('load with %s', (_, options, expected) =>
    expect(PaliGemma.load(EMBEDDED, options as never)).rejects.toEqual(code(expected)),
  );
});

describe('abort', () => {
  const reason = new Error('changed my mind');

  test('before the call', () =>
    expect(model.generate({ ...request, signal: AbortSignal.abort(reason) })).rejects.toBe(reason));
  test('during the generation, freeing the engine at once', async () => {
    const abort = new AbortController();
    const generation = model.generate({ ...slow, temperature: 20, seed: 1, signal: abort.signal });
    setTimeout(() => abort.abort(reason), 60);
    await expect(generation).rejects.toBe(reason);
    expect(await model.caption(PICTURE)).toBe('an owl and a cat');
  });
  test('while waiting in the queue', async () => {
    const abort = new AbortController();
    const [first, second] = [model.generate(slow), model.generate({ ...slow, signal: abort.signal })];
    setTimeout(() => abort.abort(reason), 20);
    await expect(second).rejects.toBe(reason);
    expect((await first).text.length).toBeGreaterThan(0);
  });
  test('of a load', async () => {
    await expect(PaliGemma.load(EMBEDDED, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const abort = new AbortController();
    const load = PaliGemma.load(EMBEDDED, { signal: abort.signal, onProgress: () => abort.abort(reason) });
    await expect(load).rejects.toBe(reason);
  });
});

describe('limits', () => {
  test('a prompt of more tokens than contextTokens is refused, also within what llama.cpp rounds up to', async () => {
    await using small = await PaliGemma.load(EMBEDDED, { contextTokens: 130 });
    expect(small.info.contextTokens).toBe(130);
    await expect(small.generate({ prompt: 'a b '.repeat(80) })).rejects.toMatchObject({
      code: 'ERR_PROMPT_TOO_LONG',
      message: expect.stringMatching(/the context holds 130/),
    });
  });
  test('more sequences than context tokens compute together', async () => {
    await using wide = await PaliGemma.load(EMBEDDED, { contextTokens: 66, maxSequences: 100 });
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => wide.generate({ prompt: 'caption en', maxTokens: 3 })),
    );
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });
  test('a prompt of megabytes is refused without being tokenised', async () => {
    await expect(model.generate({ prompt: 'x'.repeat(4_000_000) })).rejects.toEqual(code('ERR_PROMPT_TOO_LONG'));
  });
  test('more memory than there is is named as such', () =>
    expect(PaliGemma.load(EMBEDDED, { contextTokens: 1 << 20 })).rejects.toEqual(code('ERR_OUT_OF_MEMORY')));
  test('raw pixels may be changed or transferred once the call is made', async () => {
    const data = new Uint8Array(300 * 300 * 3);
    const answer = model.caption({ data, width: 300, height: 300, channels: 3 });
    structuredClone(data, { transfer: [data.buffer] });
    expect((await answer).length).toBeGreaterThan(0);
  });
  test('raw pixels of a photo that are transferred meanwhile are an error, and no crash', async () => {
    const data = new Uint8Array(4000 * 3000 * 3);
    const answer = model.caption({ data, width: 4000, height: 3000, channels: 3 });
    structuredClone(data, { transfer: [data.buffer] });
    await expect(answer).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(/transferred/),
    });
  });
  test('every seed that is allowed repeats its text', async () => {
    const draw = () => model.generate({ ...request, temperature: 3, seed: 2 ** 32 - 2 }).then(({ text }) => text);
    expect(new Set(await Promise.all([draw(), draw(), draw(), draw()])).size).toBe(1);
    await expect(model.generate({ ...request, temperature: 3, seed: 2 ** 32 - 1 })).rejects.toEqual(
      code('ERR_INVALID_ARGUMENT'),
    );
  });
  test('a temperature next to nothing is greedy', async () => {
    expect((await model.generate({ ...request, temperature: 1e-39, seed: 1 })).text).toBe('an owl and a cat');
  });
  test('what a progress callback throws ends the load with it', async () => {
    const thrown = new Error('mine');
    const onProgress = () => {
      throw thrown;
    };
    await expect(PaliGemma.load(EMBEDDED, { onProgress })).rejects.toBe(thrown);
  });
  test('options that are none are refused with a code', async () => {
    await expect(model.encode(PICTURE, null as never)).rejects.toEqual(code('ERR_INVALID_ARGUMENT'));
    await expect(model.encode(PICTURE, { signal: 5 as never })).rejects.toEqual(code('ERR_INVALID_ARGUMENT'));
    await expect(model.read(PICTURE, null as never)).rejects.toEqual(code('ERR_INVALID_ARGUMENT'));
    expect(() => model.stream({ prompt: 'x', signal: 5 as never })).toThrow(/signal must be an AbortSignal/);
  });
});

describe('dispose', () => {
  test('rejects what is running and what waits, and every later call', async () => {
    const other = await PaliGemma.load(EMBEDDED);
    const running = [other.generate(slow), other.generate(slow), other.encode(PICTURE)].map((call) =>
      expect(call).rejects.toEqual(code('ERR_DISPOSED')),
    );
    const started = new Promise((resolve) => setTimeout(resolve, 30));
    await started;
    await other.dispose();
    await Promise.all(running);
    await expect(other.caption(PICTURE)).rejects.toEqual(code('ERR_DISPOSED'));
    await expect(other.encode(PICTURE)).rejects.toEqual(code('ERR_DISPOSED'));
    await other.dispose();
  });
  test(
    'rejects what waits and what is being decoded at once, and nothing more is decoded',
    async () => {
      const other = await PaliGemma.load(EMBEDDED, { maxSequences: 1 });
      const large = { data: new Uint8Array(5000 * 4000 * 3), width: 5000, height: 4000, channels: 3 as const };
      const tall = { ...large, data: new Uint8Array(large.data) };
      let read = 0;
      const images = Array.from({ length: 40 }, () => ({
        ...tall,
        get data() {
          read++;
          return large.data;
        },
      }));
      const calls = images.map((image) => other.caption(image).catch((error) => error.code));
      const others = [other.encode(images[0] as never), other.trace({ prompt: 'x', images: [images[0] as never] })];
      const failed = others.map((call) => expect(call).rejects.toEqual(code('ERR_DISPOSED')));
      await new Promise(setImmediate);
      let order = '';
      const gone = other.dispose().then(() => {
        order += 'disposed';
      });
      const looked = read;
      const codes = await Promise.all(calls).then((all) => {
        order += 'rejected ';
        return all;
      });
      await Promise.all([gone, ...failed]);
      expect([new Set(codes), order]).toEqual([new Set(['ERR_DISPOSED']), 'rejected disposed']);
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(read).toBe(looked);
    },
    within(60_000),
  );
});

test('the event loop stays free while models load and generate', async () => {
  let ticks = 0;
  let latest = 0;
  let worst = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    ticks++;
    latest = now - last;
    worst = Math.max(worst, latest);
    last = now;
  }, 10);
  const started = performance.now();
  while (performance.now() - started < 1500)
    await Promise.all([model.generate(slow), model.encode(emoji('scenes', 'scene-03.png'))]);
  clearInterval(timer);
  // A blocked loop would tick once a generation. The bound is wide, as other processes take the processors too.
  expect(ticks).toBeGreaterThan(75);
  expect(worst).toBeLessThan(500);
});
