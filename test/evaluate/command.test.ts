// What the command promises: nothing is lost, predictions score the same without a model, two runs compare, the page stands alone.
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { paligemma, start } from '../helpers/command.js';
import { emoji, scratch } from '../helpers/fixtures.js';
import { RedisServer } from '../helpers/redis.js';

const EMOJI = ['evaluate', 'emoji', '--model', 'embedded'];
const file = (name: string) => path.join(scratch('evaluate'), name);
const linesOf = (name: string): { id: string; index: number; [field: string]: unknown }[] =>
  fs
    .readFileSync(name, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('a run', () => {
  test('that is killed and resumed has the same score and the same answers', async () => {
    const [whole, part] = [file('whole.jsonl'), file('part.jsonl')];
    const { out } = await paligemma(...EMOJI, '--output', whole, '--json');
    const running = start([...EMOJI, '--output', part]);
    while (!fs.existsSync(part) || fs.statSync(part).size < 5000) await new Promise((wake) => setTimeout(wake, 5));
    running.child.kill('SIGKILL');
    await running.done;
    expect(linesOf(whole).length).toBeGreaterThan(fs.readFileSync(part, 'utf8').split('\n').length);
    fs.appendFileSync(part, '{"id":"7","in');
    fs.rmSync(`${part}.lock`, { recursive: true, force: true });
    const resumed = await paligemma(...EMOJI, '--output', part, '--resume', '--json');
    expect(resumed.status).toBe(0);
    expect(JSON.parse(resumed.out)).toEqual(JSON.parse(out));
    const answers = (name: string) =>
      linesOf(name)
        .map(({ id, prediction, score }) => [id, prediction, score])
        .sort();
    expect(answers(part)).toEqual(answers(whole));
  });

  test('does not go on with what another model answered, nor overwrite it unasked', async () => {
    const output = file('out.jsonl');
    const run = [...EMOJI, '--limit', '3', '--output', output];
    await paligemma(...run);
    const again = await paligemma(...run);
    expect([again.status, again.err]).toEqual([1, expect.stringContaining('is there already')]);
    fs.writeFileSync(output, fs.readFileSync(output, 'utf8').replaceAll('f16 / f16', 'q4_0 / q8_0'));
    const mixed = await paligemma(...run, '--resume');
    expect([mixed.status, mixed.err]).toEqual([1, expect.stringContaining('has predictions of model')]);
  });

  test('takes the first questions, or the same ones for the same seed', async () => {
    const ids = async (...args: string[]) => {
      const output = file('out.jsonl');
      await paligemma(...EMOJI, '--limit', '5', '--output', output, ...args);
      return linesOf(output)
        .sort((a, b) => a.index - b.index)
        .map(({ id }) => id);
    };
    const first = await ids();
    expect(first).toHaveLength(5);
    const drawn = await ids('--sample', '7');
    expect(await ids('--sample', '7')).toEqual(drawn);
    expect(await ids('--sample', '8')).not.toEqual(drawn);
    expect(drawn).not.toEqual(first);
  });

  test('counts what fails as wrong, ends with status 1, and asks it again when resumed', async () => {
    const folder = scratch('mine');
    fs.writeFileSync(path.join(folder, 'broken.png'), 'no picture');
    fs.copyFileSync(emoji('scenes', 'scene-07.jpg'), path.join(folder, 'dog.jpg'));
    const data = path.join(folder, 'mine.jsonl');
    const question = 'how many dogs are there?';
    fs.writeFileSync(
      data,
      ['dog.jpg', 'broken.png'].map((image) => JSON.stringify({ image, question, answer: '1' })).join('\n'),
    );
    const output = file('failed.jsonl');
    const asked = ['evaluate', 'custom', '--data', data, '--model', 'embedded', '--json', '--output', output];
    const run = await paligemma(...asked);
    expect(run.status).toBe(1);
    expect(JSON.parse(run.out)).toMatchObject({
      failed: 1,
      scores: { value: 0.5, count: 2, interval: { how: 'Wilson' } },
    });
    // What failed is asked again, and the file holds both.
    fs.copyFileSync(emoji('scenes', 'scene-07.jpg'), path.join(folder, 'broken.png'));
    const again = await paligemma(...asked, '--resume');
    expect([again.status, JSON.parse(again.out)]).toMatchObject([0, { failed: 0, scores: { count: 2, value: 1 } }]);
    expect(linesOf(output).map(({ id }) => id)).toHaveLength(3);
    const without = await paligemma('evaluate', 'custom', '--predictions', output, '--json');
    expect(JSON.parse(without.out).scores).toEqual(JSON.parse(again.out).scores);
  });

  test('needs a model, a benchmark and its data', async () => {
    expect((await paligemma('evaluate', 'emoji')).status).toBe(2);
    expect((await paligemma('evaluate')).status).toBe(2);
    const unknown = await paligemma('evaluate', 'nothing', '--model', 'embedded');
    expect([unknown.status, unknown.err]).toEqual([2, expect.stringContaining('Allowed choices are emoji')]);
    const split = await paligemma(...EMOJI, '--split', 'train');
    expect([split.status, split.err]).toEqual([1, expect.stringContaining('give one of answers, boxes, masks')]);
    const data = await paligemma('evaluate', 'gqa', '--model', 'embedded');
    expect([data.status, data.err]).toEqual([1, expect.stringContaining('https://cs.stanford.edu')]);
  });
});

describe('predictions from elsewhere', () => {
  const mine = scratch('elsewhere');
  const data = path.join(mine, 'questions.jsonl');
  const questions = ['a', 'b', 'c', 'd'].map((id) => ({ id, image: 'x.png', question: id, answer: 'yes' }));
  fs.writeFileSync(data, questions.map((line) => JSON.stringify(line)).join('\n'));

  test('need an id and an answer; the rest comes from the data', async () => {
    const predictions = file('p.jsonl');
    fs.writeFileSync(
      predictions,
      ['a', 'b', 'c'].map((id) => JSON.stringify({ id, prediction: id === 'a' ? 'yes' : 'no' })).join('\n'),
    );
    const run = await paligemma('evaluate', 'custom', '--predictions', predictions, '--data', data, '--json');
    expect(run.err).toContain('1 questions have no prediction');
    expect(JSON.parse(run.out).scores).toMatchObject({ value: 1 / 3, count: 3 });
    const without = await paligemma('evaluate', 'custom', '--predictions', predictions);
    expect([without.status, without.err]).toEqual([1, expect.stringContaining('has no targets')]);
  });

  test("have ScienceQA's letters, and the published scores beside them", async () => {
    const predictions = file('p.jsonl');
    const lines = ['The answer is B.', 'the answer is a. Because', 'A', 'The answer is (B).'].map((prediction, i) =>
      JSON.stringify({
        ...{ id: String(i), benchmark: 'scienceqa', split: 'test' },
        prediction,
        targets: i === 1 ? 'A' : 'B',
      }),
    );
    fs.writeFileSync(predictions, lines.join('\n'));
    const run = await paligemma('evaluate', 'scienceqa', '--predictions', predictions);
    expect(run.status).toBe(0);
    expect(run.out).toMatch(/all +50\.00 +15\.00 to 85\.00 +4/);
    expect(run.out).toContain('published (not measured here)');
    expect(run.out).toContain('PaliGemma 3B, fine-tuned, 224 px  95.4');
  });
});

describe('compare', () => {
  const predictions = (answers: string[]) => {
    const name = file('p.jsonl');
    const lines = answers.map((prediction, i) =>
      JSON.stringify({ id: String(i), benchmark: 'gqa', split: 'testdev_balanced', prediction, targets: 'yes' }),
    );
    fs.writeFileSync(name, lines.join('\n'));
    return name;
  };

  test('tells scores, an exact test, and where the runs differ', async () => {
    const a = predictions([...Array(8).fill('yes'), 'no', 'no', 'no', 'no']);
    const b = predictions([...Array(2).fill('yes'), ...Array(6).fill('no'), 'yes', 'no', 'no', 'no']);
    const { status, out } = await paligemma('evaluate', 'compare', a, b, '--json');
    expect(status).toBe(0);
    const found = JSON.parse(out);
    expect(found.a).toBeCloseTo(8 / 12, 9);
    expect(found.b).toBeCloseTo(3 / 12, 9);
    // 6 against 1 of 7: 2 (1 + 7) / 128.
    expect(found.test).toEqual({ name: 'McNemar, exact', onlyA: 6, onlyB: 1, p: expect.closeTo(16 / 128, 9) });
    expect(found.differing.map(({ id }: { id: string }) => id).sort()).toEqual(['2', '3', '4', '5', '6', '7', '8']);
    const text = await paligemma('evaluate', 'compare', a, b, '--show', '1');
    expect(text.out).toContain('only a is right in 6, only b in 1');
    expect(text.out).toContain('b - a');
  });

  test('of a run with itself finds nothing', async () => {
    const a = predictions(['yes', 'no']);
    const { out } = await paligemma('evaluate', 'compare', a, a, '--json');
    expect(JSON.parse(out)).toMatchObject({ difference: { value: 0, low: 0, high: 0 }, test: { p: 1 }, differing: [] });
  });

  test('refuses files of different benchmarks, and what is no file of predictions', async () => {
    const a = predictions(['yes']);
    const b = file('b.jsonl');
    fs.writeFileSync(b, '{"id":"0","benchmark":"pope","split":"all","prediction":"yes","targets":"yes"}');
    const other = await paligemma('evaluate', 'compare', a, b);
    expect([other.status, other.err]).toEqual([1, expect.stringContaining('is of')]);
    fs.writeFileSync(b, 'no json');
    const none = await paligemma('evaluate', 'compare', a, b);
    expect([none.status, none.err]).toEqual([1, expect.stringContaining('is no prediction')]);
    expect((await paligemma('evaluate', 'compare', a)).status).toBe(2);
  });
});

test.each(['answers', 'boxes', 'masks'])('the page of %s stands alone', async (split) => {
  const page = file('report.html');
  const { status } = await paligemma(...EMOJI, '--split', split, '--limit', '12', '--report', page);
  expect(status).toBe(0);
  const html = fs.readFileSync(page, 'utf8');
  expect(html).toContain('emoji scenes');
  expect(html).toContain('<svg');
  expect(html).toContain('data:image/webp;base64,');
  expect(html).not.toMatch(/<script|src="(?!data:)|href=|url\((?!#)/);
  if (split === 'answers') return;
  expect(html).toContain('<rect x=');
  expect(html).toContain('Precision against recall');
});

test('types of a checkpoint stand beside each other, with size and speed', async () => {
  const page = file('types.html');
  const { status, out } = await paligemma(
    ...['evaluate', 'types', 'emoji', '--model', emoji('checkpoint'), '--cache-dir', scratch('cache')],
    ...['--types', 'f16,q8_0', '--limit', '10', '--json', '--report', page, '--outputs', scratch('types')],
  );
  expect(status).toBe(0);
  const { types, count } = JSON.parse(out);
  expect(count).toBe(10);
  expect(types.map(({ type, visionType }: Record<string, string>) => [type, visionType])).toEqual([
    ['f16', 'f16'],
    ['q8_0', 'q8_0'],
  ]);
  expect(types[0].weights).toBeGreaterThan(types[1].weights);
  expect(types[0].questionsPerSecond).toBeGreaterThan(0);
  expect(fs.readFileSync(page, 'utf8')).toContain('Score against size');
  expect((await paligemma('evaluate', 'types', 'emoji', '--model', 'embedded', '--types', 'q3')).status).toBe(2);
});

(RedisServer.available() ? describe : describe.skip)('a fleet', () => {
  const redis = new RedisServer();
  beforeAll(() => redis.start());
  afterAll(() => redis.stop());

  test('of two has the score of one model', async () => {
    const queue = ['--redis', redis.url, '--queue', 'evaluate'];
    const workers = [0, 1].map(() => start(['worker', ...queue, '--model', 'embedded']));
    try {
      const asked = ['evaluate', 'emoji', '--limit', '60', '--json'];
      const together = await paligemma(...asked, ...queue);
      const alone = await paligemma(...asked, '--model', 'embedded');
      expect([together.status, alone.status]).toEqual([0, 0]);
      expect(JSON.parse(together.out).scores).toEqual(JSON.parse(alone.out).scores);
    } finally {
      for (const { child } of workers) child.kill('SIGTERM');
      await Promise.all(workers.map(({ done }) => done));
    }
  });

  test('decodes no masks, and has the model itself', async () => {
    const masks = await paligemma('evaluate', 'emoji', '--split', 'masks', '--redis', redis.url);
    expect([masks.status, masks.err]).toEqual([1, expect.stringContaining('leave out --redis')]);
    const model = await paligemma('evaluate', 'emoji', '--model', 'embedded', '--redis', redis.url);
    expect([model.status, model.err]).toEqual([1, expect.stringContaining('matter of the workers')]);
  });
});
