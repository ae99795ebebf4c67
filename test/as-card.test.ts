// What cards do and the processor does not, done on the processor: see native/base/as_card.h. In processes of their own.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { EMBEDDED, PICTURE, program, ROOT, scratch } from './helpers/fixtures.js';

/** What `code` returns, with a model, a picture and what is to be done as on a card. */
function asOnCard<T>(what: string, code: string): Promise<T> {
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
    const env = { ...process.env, PALIGEMMA_AS_CARD: what };
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
    const { stdout } = await promisify(execFile)(program('draw-test'), ['300']);
    const counts = new Map<string, { drawn: number; undecided: number }>(Object.entries(JSON.parse(stdout)));
    expect(counts.size).toBe(18);
    for (const [kind, { drawn, undecided }] of counts) {
      expect(drawn).toBeGreaterThan(10);
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
