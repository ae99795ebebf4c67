// `paligemma batch`, its interruptions above all.
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { BatchResult } from '../../lib/index.js';
import { paligemma, start } from '../helpers/command.js';
import { PICTURE, ROOT, scratch } from '../helpers/fixtures.js';
import { freePort } from '../helpers/redis.js';
import { manyScenes } from '../helpers/scenes.js';

/** Windows has no signals; `npm run test:windows` presses Ctrl-C. */
const onUnix = process.platform === 'win32' ? test.skip : test;
const withTar = spawnSync('tar', ['--version']).error ? test.skip : test;
const COUNT = 400;
let scenes: string;

beforeAll(async () => {
  scenes = await manyScenes(COUNT);
});

const BATCH = ['batch', '--model', 'embedded'];
const output = (name = 'out.jsonl') => path.join(scratch('batch'), name);
const results = (file: string): BatchResult[] =>
  fs
    .readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
/** Apart from how long it took. */
const answers = (file: string) =>
  results(file)
    .map(({ timings, ...rest }) => rest)
    .sort((a, b) => a.index - b.index);

let whole: ReturnType<typeof answers>;
beforeAll(async () => {
  const file = output();
  expect(await paligemma(...BATCH, scenes, '--output', file)).toMatchObject({ status: 0, out: '' });
  whole = answers(file);
});

/** Runs it until so many results are there, and then does something to it. */
async function interrupted(
  file: string,
  args: string[],
  results: number,
  act: (child: import('node:child_process').ChildProcess) => unknown,
) {
  const { child, done } = start([...BATCH, scenes, '--output', file, ...args]);
  while (
    child.exitCode === null &&
    (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').split('\n').length - 1 : 0) < results
  )
    await sleep(2);
  await act(child);
  return done;
}

describe('batch', () => {
  test('answers all pictures of a folder, and says in the end how it went', async () => {
    expect(whole.map(({ id }) => id)).toEqual(
      fs
        .readdirSync(scenes)
        .sort()
        .map((name) => path.join(scenes, name)),
    );
    expect(new Set(whole.map(({ text }) => text)).size).toBeGreaterThan(3);
    const file = output();
    const { status, out, err } = await paligemma(
      ...BATCH,
      path.join(scenes, '00?.png'),
      '--output',
      file,
      '--json',
      '--ordered',
    );
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      images: 10,
      errors: 0,
      skipped: 0,
      imagesPerSecond: expect.any(Number),
      milliseconds: { p50: expect.any(Number), p99: expect.any(Number) },
    });
    expect(err.trimEnd().split('\n').at(-1)).toMatch(
      /^10 images in .*, [\d.]+ images\/s, 0 failed; an image \d+ ms \(median\)/,
    );
    expect(results(file).map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
  test('asks what each line of a list asks, from standard input too', async () => {
    const lines = [
      { image: PICTURE, id: 'a', prompt: 'caption es', by: 'K' },
      { image: PICTURE, id: 'b' },
    ].map((line) => JSON.stringify(line));
    const { done } = start([...BATCH, '-', '--output', '-', '--question', 'how many owls are there?'], {
      input: lines.join('\n'),
    });
    const { out } = await done;
    const found = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .sort((a, b) => a.index - b.index);
    expect(found).toMatchObject([
      { id: 'a', text: 'un búho y un gato', by: 'K', prompt: 'caption es' },
      { id: 'b', text: '1' },
    ]);
  });
  test('records what fails, logs it, and ends with status 1', async () => {
    const folder = scratch('mixed');
    fs.copyFileSync(PICTURE, path.join(folder, 'good.png'));
    fs.writeFileSync(path.join(folder, 'torn.png'), fs.readFileSync(PICTURE).subarray(0, 5000));
    const file = output();
    const log = output('log.jsonl');
    const metrics = output('metrics.prom');
    const { status, err } = await paligemma(
      ...BATCH,
      folder,
      '--output',
      file,
      '--log',
      log,
      '--metrics',
      metrics,
      '--log-level',
      'debug',
    );
    expect(status).toBe(1);
    expect(err).toMatch(/2 images in .* 1 failed/);
    expect(answers(file)).toMatchObject([
      { text: 'an owl and a cat' },
      { id: path.join(folder, 'torn.png'), error: { code: 'ERR_INVALID_IMAGE' } },
    ]);
    const logged = fs
      .readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(logged).toContainEqual(
      expect.objectContaining({ level: 40, id: path.join(folder, 'torn.png'), code: 'ERR_INVALID_IMAGE' }),
    );
    expect(logged).toContainEqual(expect.objectContaining({ level: 20, id: path.join(folder, 'good.png') }));
    expect(fs.readFileSync(metrics, 'utf8')).toMatch(
      /paligemma_batch_images_total\{outcome="answer"\} 1\n.*outcome="error"\} 1\n/,
    );
  });
  test('ends when too many fail', async () => {
    const list = output('list.txt');
    fs.writeFileSync(list, Array.from({ length: 50 }, (_, i) => `no-${i}.png`).join('\n'));
    const { status, err } = await paligemma(...BATCH, list, '--output', output(), '--max-errors', '3');
    expect(status).toBe(1);
    expect(err).toMatch(/paligemma: ERR_TOO_MANY_ERRORS: \d+ images failed, more than 3: .*no such image file/);
  });
  test('says what is wrong before it loads a model', async () => {
    const wrong: [string[], RegExp][] = [
      [['/no/such/folder'], /no such folder/],
      [[scenes, '--task', 'detect'], /the task detect needs --labels/],
      [[scenes, '--redis', '--model', 'x'], /the matter of the workers/],
      [[scenes, '--max-errors', '-1'], /--max-errors/],
      [[scenes, '--ordered', '--unordered'], /not both/],
    ];
    for (const [args, message] of wrong) {
      const { status, err } = await paligemma(...BATCH, ...args, '--output', output());
      expect({ status, err }).toEqual({ status: 1, err: expect.stringMatching(message) });
      expect(err).not.toMatch(/embedded/);
    }
    const range = await paligemma(...BATCH, scenes, '--output', output(), '--max-tokens', '0');
    expect(range).toMatchObject({
      status: 2,
      err: expect.stringMatching(/--max-tokens must be a whole number from 1/),
    });
    expect((await paligemma(...BATCH, scenes, '--output', output(), '--task', 'dance')).status).toBe(2);
    expect((await paligemma(...BATCH, scenes)).status).toBe(2);
  });

  test('without a model is wrong usage, and says what the emoji model is called', async () => {
    for (const args of [['batch', scenes, '--output', output()], ['worker']])
      expect(await paligemma(...args)).toEqual({
        status: 2,
        out: '',
        err: expect.stringMatching(/^paligemma: .*--model .*--model embedded is the small emoji model\n$/),
      });
  });
});

describe('an interrupted batch', () => {
  test('that was killed is gone on with, item for item', async () => {
    const file = output();
    for (const at of [1, 60, 130, 131, 290]) {
      const { status } = await interrupted(file, ['--resume'], at, (child) => child.kill('SIGKILL'));
      expect(status).toBe(null);
    }
    const { status, err } = await paligemma(...BATCH, scenes, '--output', file, '--resume');
    expect(status).toBe(0);
    expect(err).toMatch(/more were there/);
    expect(answers(file)).toEqual(whole);
  });
  test('is left alone by others while it writes', async () => {
    const file = output();
    const { child, done } = start([...BATCH, '-', '--output', file], { input: null });
    child.stdin?.write(`${PICTURE}\n`);
    while (!fs.existsSync(file) || fs.statSync(file).size === 0) await sleep(5);
    for (const how of ['--resume', '--overwrite']) {
      const { status, err } = await paligemma(...BATCH, scenes, '--output', file, how);
      expect({ status, err }).toEqual({
        status: 1,
        err: expect.stringContaining(
          `paligemma: ERR_IN_USE: ${file} is being written by another process (pid ${child.pid})`,
        ),
      });
    }
    child.stdin?.end();
    expect(await done).toMatchObject({ status: 0 });
    expect(results(file)).toHaveLength(1);
    expect(fs.readdirSync(path.dirname(file))).toEqual([path.basename(file)]);
  });
  onUnix('finishes what is begun at the first SIGINT or SIGTERM, and says how to go on', async () => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const file = output();
      const { status, err } = await interrupted(file, [], 30, (child) => child.kill(signal));
      expect(status).toBe(130);
      expect(err).toMatch(/finishing what is begun[\s\S]*interrupted; go on with the same command and --resume\n$/);
      const there = answers(file);
      expect(there.length).toBeGreaterThanOrEqual(30);
      expect(there.length).toBeLessThan(COUNT);
      expect(await paligemma(...BATCH, scenes, '--output', file, '--resume')).toMatchObject({ status: 0 });
      expect(answers(file)).toEqual(whole);
    }
  });
  onUnix('ends at once at the second SIGINT', async () => {
    const file = output();
    const { status } = await interrupted(file, [], 30, async (child) => {
      child.kill('SIGINT');
      await sleep(20);
      child.kill('SIGINT');
    });
    expect(status).toBe(130);
    expect(await paligemma(...BATCH, scenes, '--output', file, '--resume')).toMatchObject({ status: 0 });
    expect(answers(file)).toEqual(whole);
  });
  onUnix('that waits for more of its list shows its counts, and ends at the first SIGINT', async () => {
    const file = output();
    const port = await freePort();
    const { child, done } = start([...BATCH, '-', '--output', file, '--metrics', `:${port}`], { input: null });
    child.stdin?.write(`${PICTURE}\n`);
    while (!fs.existsSync(file) || fs.statSync(file).size === 0) await sleep(5);
    const counts = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(counts).toMatch(/paligemma_batch_images_total\{outcome="answer"\} 1\n/);
    child.kill('SIGINT');
    expect(await done).toMatchObject({ status: 130, err: expect.stringMatching(/^1 images/m) });
  });
  onUnix('whose disk was full says so, and is gone on with', async () => {
    const file = output();
    // The shell's limit on a file's size, in kilobytes of 1024 bytes, stands for a disk of this size.
    const shell = `ulimit -f 16; exec "${process.execPath}" --import "data:text/javascript,process.on('SIGXFSZ',()=>{})" "${path.join(ROOT, 'cli', 'dist', 'cli.js')}" batch --model embedded "${scenes}" --output "${file}"`;
    const { code, err } = await new Promise<{ code: unknown; err: string }>((resolve) =>
      execFile('bash', ['-c', shell], (error, _, err) => resolve({ code: error?.code, err })),
    );
    expect(code).toBe(1);
    expect(err).toMatch(/paligemma: ERR_DISK_FULL: there is no room to write .*--resume/);
    const kept = answers(file).length;
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(COUNT);
    expect(await paligemma(...BATCH, scenes, '--output', file, '--resume')).toMatchObject({ status: 0 });
    expect(answers(file)).toEqual(whole);
  });
});

describe('outputs', () => {
  const few = () => path.join(scenes, '00?.png');
  withTar('to a tar keep the pictures, and a tar is an input again', async () => {
    const tar = output('out.tar');
    expect(await paligemma(...BATCH, few(), '--output', tar)).toMatchObject({ status: 0 });
    const names = execFileSync('tar', ['-tf', tar], { encoding: 'utf8' }).trim().split('\n');
    expect(names.filter((name) => name.endsWith('.png')).length).toBe(10);
    const again = output('again.tar');
    expect(await paligemma(...BATCH, tar, '--output', again, '--task', 'read', '--ordered')).toMatchObject({
      status: 0,
    });
    const file = output();
    expect(await paligemma(...BATCH, again, '--output', file)).toMatchObject({ status: 0 });
    const texts = results(file)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ text }) => text);
    expect(texts).toEqual(whole.slice(0, 10).map(({ text }) => text));
  });
  test('beside the pictures', async () => {
    const folder = scratch('sidecar');
    fs.copyFileSync(PICTURE, path.join(folder, 'a.png'));
    fs.writeFileSync(path.join(folder, 'b.png'), 'no picture');
    const { status, err } = await paligemma(...BATCH, folder, '--output', 'sidecar');
    expect({ status, err }).toEqual({ status: 1, err: expect.stringMatching(/1 failed/) });
    expect(fs.readFileSync(path.join(folder, 'a.txt'), 'utf8')).toBe('an owl and a cat\n');
    fs.copyFileSync(PICTURE, path.join(folder, 'b.png'));
    expect(await paligemma(...BATCH, folder, '--output', 'sidecar', '--resume')).toMatchObject({ status: 0 });
    expect(fs.readFileSync(path.join(folder, 'b.txt'), 'utf8')).toBe('an owl and a cat\n');
  });
  test('to CSV', async () => {
    const file = output('out.csv');
    expect(await paligemma(...BATCH, few(), '--output', file, '--ordered')).toMatchObject({ status: 0 });
    const lines = fs.readFileSync(file, 'utf8').trim().split('\n');
    expect(lines.length).toBe(11);
    expect(lines[1]).toContain(whole[0]?.text);
  });
});

afterAll(() => fs.rmSync(scenes, { recursive: true, force: true }));
