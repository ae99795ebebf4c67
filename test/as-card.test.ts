// What cards do and the processor does not, done on the processor: see native/base/as_card.h. In processes of their own.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { EMBEDDED, PICTURE, program, ROOT, scratch } from './helpers/fixtures.js';

/** What `code` returns, with a model, a picture and what is to be done as on a card; with failures: see native/base/faults.h. */
function asOnCard<T>(what: string, code: string, faults = ''): Promise<T> {
  const file = path.join(scratch('as-card'), 'program.mjs');
  fs.writeFileSync(
    file,
    `import { PaliGemma } from ${JSON.stringify(path.join(ROOT, 'dist', 'index.js'))};
    const PICTURE = ${JSON.stringify(PICTURE)};
    const model = await PaliGemma.load(${JSON.stringify(EMBEDDED)}, { featureCache: 0 });
    console.log(JSON.stringify(await (async () => { ${code} })()));
    await model.dispose();`,
  );
  return new Promise((resolve, reject) => {
    const env = { ...process.env, PALIGEMMA_AS_CARD: what, PALIGEMMA_FAULTS: faults };
    execFile(process.execPath, [file], { env, timeout: 120_000 }, (error, out, err) =>
      error ? reject(new Error(`${error.message}\n${err}`)) : resolve(JSON.parse(out)),
    );
  });
}

describe('draws from what is found of the logits where they are', () => {
  const CHOICES = `const choices = [
    { temperature: 1 }, { temperature: 2.5 }, { temperature: 0.4 }, { temperature: 60 },
    { temperature: 1, topK: 1 }, { temperature: 1.5, topK: 40 }, { temperature: 3, topK: 127 }, { temperature: 3, topK: 500 },
    { temperature: 1, topP: 0.9 }, { temperature: 1.5, topP: 0.5 }, { temperature: 2, topP: 0 }, { temperature: 1.2, topP: 0.97 },
    { temperature: 2, topK: 50, topP: 0.7 },
  ];`;

  // It ends with status 1 at the first token that differs, and says which.
  test("are llama.cpp's own on random rows", async () => {
    const { stdout } = await promisify(execFile)(program('draw-test'), ['100']);
    const counts = new Map<string, { drawn: number; undecided: number }>(Object.entries(JSON.parse(stdout)));
    expect(counts.size).toBe(18);
    for (const [kind, { drawn, undecided }] of counts) {
      expect(drawn).toBeGreaterThan(0);
      if (kind.endsWith('peaked')) expect(undecided).toBeLessThan(drawn / 5);
    }
  });

  // But for equal logits among hundreds that a cut leaves, which is why none here leaves so many.
  test('are those from all logits', async () => {
    const code = `${CHOICES}
      const texts = [];
      for (const [i, choice] of choices.entries()) {
        for (let seed = 0; seed < 8; ++seed) {
          const { text } = await model.generate({ images: [PICTURE], prompt: 'caption en', maxTokens: 12, seed: 100 * i + seed, ...choice });
          texts.push(text);
        }
      }
      return texts;`;
    const [usual, found] = await Promise.all([asOnCard<string[]>('', code), asOnCard<string[]>('draws', code)]);
    expect(found).toEqual(usual);
    expect(new Set(found).size).toBeGreaterThan(found.length / 3);
  });

  test('stand beside answers of other kinds', async () => {
    const code = `${CHOICES}
      const ask = (more) => model.generate({ images: [PICTURE], prompt: 'caption en', maxTokens: 12, ...more });
      const round = () => choices.flatMap((choice, i) => [
        ask({ seed: i, ...choice }).then(({ tokens }) => tokens.length > 0),
        ask({}).then(({ text }) => text),
        ask({ temperature: 1, seed: 1, logprobs: 2 }).then((answer) => answer.logprobs.length > 0),
        model.detect(PICTURE, 'owl').then((objects) => objects.map(({ label }) => label)),
      ]);
      return [...await Promise.all(round()), ...await Promise.all(round())];`;
    const [usual, found] = await Promise.all([asOnCard<unknown[]>('', code), asOnCard<unknown[]>('draws', code)]);
    expect(found).toEqual(usual);
  });
});

describe('pictures beside prefixes and tokens', () => {
  const ASK = `
    const sizes = [224, 100, 50, 300];
    const picture = (i) => {
      const side = sizes[i % sizes.length];
      const data = Uint8Array.from({ length: side * side * 3 }, (_, k) => (k * (i + 3) + (k >> (i % 5))) % 256);
      return { data, width: side, height: side, channels: 3 };
    };
    const outcome = (promise) => promise.catch((error) => error.code ?? error.name);
    const text = (images, more) => outcome(model.generate({ images, prompt: 'caption en', maxTokens: 6, ...more }).then((answer) => answer.text));
  `;

  test('are answered as in the turns, of whatever kind the request is', async () => {
    const code = `${ASK}
      const asked = Array.from({ length: 40 }, (_, i) => {
        if (i % 10 === 3) return model.encode(picture(i)).then(({ data }) => data?.length);
        if (i % 10 === 5) return text([picture(i), picture(i + 1)]);
        if (i % 10 === 7) return text([picture(i)], { numBeams: 2 });
        if (i % 10 === 8) return text([]);
        return text([i % 2 ? PICTURE : picture(i)]);
      });
      return Promise.all(asked);`;
    const [usual, beside] = await Promise.all([asOnCard<unknown[]>('', code), asOnCard<unknown[]>('vision', code)]);
    expect(beside).toEqual(usual);
    expect(beside).toContain('an owl and a cat');
  });

  test('have their time told', async () => {
    const code = `
      const answers = await Promise.all(Array.from({ length: 6 }, () => model.generate({ images: [PICTURE], prompt: 'caption en' })));
      return answers.map(({ timings }) => timings);`;
    for (const { vision, prefill } of await asOnCard<{ vision: number; prefill: number }[]>('vision', code)) {
      expect(vision).toBeGreaterThan(0);
      expect(prefill).toBeGreaterThan(0);
    }
  });

  test('fail alone, and those beside them are answered', async () => {
    const together = `${ASK} return Promise.all(Array.from({ length: 8 }, () => text([PICTURE])));`;
    const first = await asOnCard<string[]>('vision', together, 'encode:error:1');
    expect(first.filter((one) => one === 'an owl and a cat').length).toBeGreaterThanOrEqual(7);
    const all = await asOnCard<string[]>(
      'vision',
      `${ASK} return [await text([PICTURE]), await text([]), await text([PICTURE])];`,
      'encode:memory:1',
    );
    expect(all).toEqual(['ERR_OUT_OF_MEMORY', expect.any(String), 'an owl and a cat']);
  });

  test('are given up, one by one and all at once, and at the end', async () => {
    const code = `${ASK}
      const given = [];
      for (let round = 0; round < 12; ++round) {
        const controllers = Array.from({ length: 6 }, () => new AbortController());
        const asked = controllers.map(({ signal }, i) => text([picture(i)], { signal }));
        await new Promise((resolve) => setTimeout(resolve, round * 3));
        for (const controller of round % 2 ? controllers : controllers.slice(3)) controller.abort();
        given.push(...await Promise.all(asked));
      }
      const last = await text([PICTURE]);
      const left = Array.from({ length: 6 }, (_, i) => text([picture(i)]));
      await new Promise((resolve) => setTimeout(resolve, 5));
      await model.dispose();
      return { last, given: given.length, left: (await Promise.all(left)).length };`;
    expect(await asOnCard('vision', code)).toEqual({ last: 'an owl and a cat', given: 72, left: 6 });
  });
});
