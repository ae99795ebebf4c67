// A real trained model of 5 million parameters: its answers must be the reference's, word for word.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PaliGemma } from '../lib/index.js';
import { converted, EMBEDDED, emoji, readJson } from './helpers/fixtures.js';

interface Answer {
  file: string;
  prompt: string;
  text: string;
  smallest_margin: number;
}
const answers: Answer[] = readJson(emoji('expected.json'));

describe.each([
  ['f32', 0.02],
  ['f16', 0.1],
  ['bf16', 0.1],
  ['embedded', 0.1],
] as const)('the emoji model as %s', (type, tie) => {
  let model: PaliGemma;

  beforeAll(async () => {
    model = await PaliGemma.load(type === 'embedded' ? EMBEDDED : await converted(emoji('checkpoint'), type));
  });
  afterAll(() => model.dispose());

  test.each([...new Set(answers.map((answer) => answer.file))])('answers %s as the reference does', async (file) => {
    const sure = answers.filter((answer) => answer.file === file && answer.smallest_margin > tie);
    expect(sure.length).toBeGreaterThan(5);
    for (const { prompt, text } of sure) {
      const generation = await model.generate({ prompt, images: [emoji('scenes', file)] });
      expect({ prompt, text: generation.text, finishReason: generation.finishReason }).toEqual({
        prompt,
        text,
        finishReason: 'stop',
      });
    }
  });
});
