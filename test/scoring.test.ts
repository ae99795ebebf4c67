// Probabilities, drawing and beams, against the reference's logits and transformers' own beam search.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PaliGemma } from '../lib/index.js';
import { by, onCard } from './helpers/card.js';
import {
  converted,
  EMBEDDED,
  FIXTURES,
  PICTURE,
  type ReferenceCase,
  readFloats,
  readJson,
  reference,
  within,
} from './helpers/fixtures.js';

const NEAR = by(0.02, 0.15);

const images = (names: string[]) => names.map((name) => reference('images', name));

/** log(softmax(logits)), in double precision. */
function logSoftmax(logits: Float32Array): number[] {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const total = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
  return [...logits].map((logit) => logit - total);
}

describe.each(['pg1-random', 'pg2-random-window'])('%s', (name) => {
  const cases: ReferenceCase[] = readJson(reference(name, 'expected', 'cases.json')).cases;
  let model: PaliGemma;

  beforeAll(async () => {
    model = await PaliGemma.load(await converted(reference(name), 'f32'));
  });
  afterAll(() => model.dispose());

  test.each(cases)("$name: log-probabilities are those of the reference's logits", async (c) => {
    const { logprobs = [] } = await model.generate({
      prompt: c.prompt,
      images: images(c.images),
      maxTokens: 6,
      logprobs: 5,
    });
    const expected = logSoftmax(readFloats(reference(name, 'expected', c.prefix_logits.file)));
    const first = expected[c.generated_ids[0] as number] as number;
    expect(Math.abs((logprobs[0]?.logprob as number) - first)).toBeLessThan(by(0.01, NEAR));
    for (const { token, logprob } of logprobs[0]?.top ?? [])
      expect(Math.abs(logprob - (expected[token] as number))).toBeLessThan(NEAR);
    for (const [step, { top }] of logprobs.entries()) {
      // Of later steps the five best logits are known: their distances are those of the log-probabilities.
      const [best = 0, ...rest] = c.top_logits[step] ?? [];
      if (
        (c.top_logits[step] ?? []).some((logit, i, all) => i > 0 && (all[i - 1] as number) - logit < by(0.02, 2 * NEAR))
      )
        break;
      expect(top.map(({ token }) => token)).toEqual(c.top_ids[step]);
      for (const [i, logit] of rest.entries()) {
        const distance = (top[0]?.logprob as number) - (top[i + 1]?.logprob as number);
        expect(Math.abs(distance - (best - logit))).toBeLessThan(NEAR);
      }
    }
  });

  test('score adds up what generation gives for the same answer', async () => {
    const request = { prompt: 'caption en', images: images(['noise.png']) };
    const { text, tokens, logprobs = [] } = await model.generate({ ...request, maxTokens: 4, logprobs: 0 });
    const score = await model.score({ ...request, answer: text });
    const ids = score.tokens.map(({ token }) => token);
    expect(ids.at(-1)).toBe(1);
    expect(score.logprob).toBeCloseTo(score.tokens.reduce((sum, { logprob }) => sum + logprob, 0));
    for (let i = 0; i < tokens.length && ids[i] === tokens[i]; i++)
      expect(Math.abs((score.tokens[i]?.logprob as number) - (logprobs[i]?.logprob as number))).toBeLessThan(1e-3);
  });
});

interface Beams {
  model: string;
  case: string;
  numBeams: number;
  maxTokens: number;
  lengthPenalty: number;
  ids: number[];
  score: number;
}

// Made by test/fixtures/make_beams.py
const beams: Beams[] = readJson(`${FIXTURES}/beams.json`);

describe.each([...new Set(beams.map((entry) => entry.model))])('beam search of %s', (name) => {
  const cases: ReferenceCase[] = readJson(reference(name, 'expected', 'cases.json')).cases;
  let model: PaliGemma;

  beforeAll(async () => {
    model = await PaliGemma.load(await converted(reference(name), 'f32'));
  });
  afterAll(() => model.dispose());

  test.each(beams.filter((entry) => entry.model === name))(
    '$case with $numBeams beams, at most $maxTokens tokens, length penalty $lengthPenalty',
    async ({ case: caseName, ids, score, numBeams, maxTokens, lengthPenalty }) => {
      const c = cases.find((candidate) => candidate.name === caseName) as ReferenceCase;
      const request = { prompt: c.prompt, images: images(c.images), numBeams, maxTokens, lengthPenalty };
      const { tokens, beamScore } = await model.generate(request);
      if (!onCard) expect(tokens).toEqual(ids); // there another answer may be as good
      const another = NEAR * Math.max(2, maxTokens ** (1 - lengthPenalty));
      expect(Math.abs((beamScore as number) - score)).toBeLessThan(by(0.005, another));
    },
  );
});

describe('drawing', () => {
  let model: PaliGemma;
  beforeAll(async () => {
    model = await PaliGemma.load(EMBEDDED, { threads: 1 });
  });
  afterAll(() => model.dispose());

  const DRAWS = by(20_000, 1_000); // the processor draws in any case

  test.each([
    ['temperature 1', { temperature: 1 }],
    ['temperature 1.5 and the 8 most probable', { temperature: 1.5, topK: 8 }],
    ['temperature 1.2 and 60 % of the probability', { temperature: 1.2, topP: 0.6 }],
  ])(
    'follows the probabilities: %s',
    async (_, sampling) => {
      const { logits } = await model.trace({ prompt: 'x' });
      const expected = distribution(logits, sampling);
      const counts = new Map<number, number>();
      for (let seed = 0; seed < DRAWS; seed++) {
        const { tokens } = await model.generate({ prompt: 'x', maxTokens: 1, seed, ...sampling });
        const token = tokens[0] as number;
        counts.set(token, (counts.get(token) ?? 0) + 1);
      }
      expect([...counts.keys()].filter((token) => !expected.has(token))).toEqual([]);
      // Chi-square over tokens expected at least ten times, all others together.
      let statistic = 0;
      let cells = 0;
      let restSeen = DRAWS;
      let restExpected = DRAWS;
      for (const [token, p] of expected) {
        if (p * DRAWS < 10) continue;
        const seen = counts.get(token) ?? 0;
        statistic += (seen - p * DRAWS) ** 2 / (p * DRAWS);
        restSeen -= seen;
        restExpected -= p * DRAWS;
        cells++;
      }
      if (restExpected >= 10) statistic += (restSeen - restExpected) ** 2 / restExpected;
      // Mean `cells`, standard deviation sqrt(2 cells): five of them are beyond chance. Seeds are fixed, so this is repeatable.
      expect(statistic).toBeLessThan(cells + 5 * Math.sqrt(2 * cells) + 5);
    },
    within(120_000),
  );

  test('at temperature 0 is greedy', async () => {
    const { logits } = await model.trace({ prompt: 'x' });
    const { tokens } = await model.generate({ prompt: 'x', maxTokens: 1, temperature: 0 });
    expect(tokens[0]).toBe(logits.indexOf(logits.reduce((a, b) => Math.max(a, b))));
  });
});

/** What may be drawn with which probability: temperature, then the cuts, as transformers does it. */
function distribution(
  logits: Float32Array,
  { temperature, topK = Infinity, topP = 1 }: { temperature: number; topK?: number; topP?: number },
) {
  const logprobs = logSoftmax(logits.map((logit) => logit / temperature));
  const sorted = logprobs.map((logprob, token) => [token, Math.exp(logprob)] as const).sort((a, b) => b[1] - a[1]);
  const kept = sorted.slice(0, topK);
  const mass = kept.reduce((sum, [, p]) => sum + p, 0);
  const nucleus: (readonly [number, number])[] = [];
  let sum = 0;
  for (const [token, p] of kept) {
    if (sum >= topP) break;
    nucleus.push([token, p]);
    sum += p / mass;
  }
  const total = nucleus.reduce((whole, [, p]) => whole + p, 0);
  return new Map(nucleus.map(([token, p]) => [token, p / total]));
}

test('stop strings end the answer, also within a stream and across tokens', async () => {
  await using model = await PaliGemma.load(EMBEDDED);
  const request = { prompt: 'caption en', images: [PICTURE] };
  expect(await model.generate({ ...request, stop: [' and'] })).toMatchObject({ text: 'an owl', finishReason: 'stop' });
  expect((await model.generate({ ...request, stop: ['owl and a c', 'zebra'] })).text).toBe('an ');
  expect((await model.generate({ ...request, stop: ['never'] })).text).toBe('an owl and a cat');
  const stream = model.stream({ ...request, stop: ['wl and a'] });
  let text = '';
  for await (const piece of stream) text += piece;
  expect(text).toBe('an o');
  expect((await stream.result).text).toBe('an o');
  await expect(model.generate({ ...request, stop: [''] })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  await expect(model.generate({ ...request, numBeams: 2, temperature: 1 })).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
  });
});
