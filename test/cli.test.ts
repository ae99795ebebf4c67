import { exec } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { paligemma, start } from './helpers/command.js';
import { converted, emoji, PICTURE, ROOT, reference, scratch } from './helpers/fixtures.js';

const DOG = path.join(ROOT, 'examples', 'images', 'dog.jpg');
const onUnix = process.platform === 'win32' ? test.skip : test;
/** What the system tells of memory. */
const onLinux = process.platform === 'linux';
const lines = (text: string) => text.trimEnd().split('\n');

describe('caption', () => {
  test('prints the caption alone and says that it uses the embedded model', async () => {
    const { status, out, err } = await paligemma('caption', PICTURE);
    expect({ status, out }).toEqual({ status: 0, out: 'an owl and a cat\n' });
    expect(lines(err)).toEqual([expect.stringMatching(/embedded paligemma-emoji-112.*--model/)]);
  });
  test('takes the embedded model by its name, and then says nothing of it', async () => {
    const named = ['--model', 'embedded'];
    expect(await paligemma('caption', PICTURE, ...named)).toEqual({ status: 0, out: 'an owl and a cat\n', err: '' });
    expect((await paligemma('info', 'embedded', '--json')).out).toBe((await paligemma('info', '--json')).out);
  });
  test('takes a language and several pictures', async () => {
    const { out } = await paligemma('caption', PICTURE, DOG, '--language', 'es');
    expect(lines(out)).toEqual([`${PICTURE}: un búho y un gato`, `${DOG}: un perro`]);
  });
  test('prints one JSON value a picture, in order', async () => {
    const { out } = await paligemma('caption', PICTURE, DOG, '--json');
    const values = lines(out).map((line) => JSON.parse(line));
    expect(values).toMatchObject([
      { image: PICTURE, text: 'an owl and a cat', finishReason: 'stop', usage: { imageTokens: 64 } },
      { image: DOG, text: 'a dog' },
    ]);
    expect(values[0].timings).toMatchObject({
      load: expect.any(Number),
      vision: expect.any(Number),
      total: expect.any(Number),
    });
  });
  test('goes on after a picture that fails, and says so in the end', async () => {
    const { status, out, err } = await paligemma('caption', '/no/such.png', DOG, '--json');
    expect(status).toBe(1);
    expect(lines(out).map((line) => JSON.parse(line))).toMatchObject([
      { image: '/no/such.png', error: { code: 'ERR_INVALID_IMAGE' } },
      { text: 'a dog' },
    ]);
    expect(lines(err).at(-1)).toMatch(/^paligemma: ERR_INVALID_IMAGE: no such image file/);
  });
});

describe('generate', () => {
  test('answers a prompt about all its pictures', async () => {
    const { out } = await paligemma('generate', PICTURE, '--prompt', 'answer en how many owls are there?');
    expect(out).toBe('1\n');
    const { out: json } = await paligemma(
      'generate',
      PICTURE,
      DOG,
      '--prompt',
      'caption en',
      '--max-tokens',
      '3',
      '--json',
    );
    expect(JSON.parse(json)).toMatchObject({
      images: [PICTURE, DOG],
      usage: { imageTokens: 128, newTokens: 3 },
      finishReason: 'length',
    });
  });
});

describe('every task has its command', () => {
  test.each([
    [['answer', PICTURE, '--question', 'how many owls are there?'], { text: '1' }],
    [['read', PICTURE], { text: expect.any(String) }],
    [['detect', PICTURE, '--labels', 'owl'], { objects: [{ label: 'owl', box: { xmin: expect.any(Number) } }] }],
    [
      ['segment', PICTURE, '--labels', 'owl'],
      { objects: [{ label: 'owl', mask: { size: [320, 480], counts: expect.any(String) } }] },
    ],
    [
      ['choose', PICTURE, '--question', 'What?', '--choice', 'an owl', '--choice', 'a dog', '--score'],
      { choice: { probabilities: [expect.any(Number), expect.any(Number)] } },
    ],
    [['score', PICTURE, '--prompt', 'caption en', '--answer', 'an owl and a cat'], { logprob: expect.any(Number) }],
    [
      ['generate', '--prompt', 'caption en', '--stop', ' and', '--stop', 'zebra', PICTURE],
      { images: [PICTURE], text: 'an owl' },
    ],
  ])('%j', async (args, expected) => {
    const { status, out } = await paligemma(...args, '--json');
    expect({ status, value: JSON.parse(out) }).toMatchObject({ status: 0, value: expected });
  });

  test('a picture comes from standard input as from its file', async () => {
    const args = ['--prompt', 'caption en', '--answer', 'a dog', '--model', 'embedded'];
    const [piped, named] = await Promise.all([
      start(['score', '-', ...args], { input: fs.readFileSync(DOG) }).done,
      paligemma('score', DOG, ...args),
    ]);
    expect(piped).toEqual(named);
    const { out } = await start(['caption', '-', '--model', 'embedded'], { input: fs.readFileSync(DOG) }).done;
    expect(out).toBe('a dog\n');
  });

  test('segment without a mask decoder gives boxes and says how to add one', async () => {
    const { status, out, err } = await paligemma(
      'segment',
      PICTURE,
      '--labels',
      'owl',
      '--json',
      '--model',
      await converted(emoji('checkpoint'), 'f16'),
    );
    expect({ status, value: JSON.parse(out) }).toMatchObject({
      status: 0,
      value: { objects: [{ label: 'owl', box: {}, mask: null }] },
    });
    expect(err).toMatch(/--mask-decoder vae-oid\.npz/);
  });

  test('draws and writes masks', async () => {
    const folder = scratch('drawn');
    const drawn = path.join(folder, 'out.png');
    const { status, out } = await paligemma(
      'segment',
      PICTURE,
      '--labels',
      'owl ; cat',
      '--draw',
      drawn,
      '--masks',
      path.join(folder, 'masks'),
    );
    expect({ status, lines: lines(out).length }).toEqual({
      status: 0,
      lines: fs.readdirSync(path.join(folder, 'masks')).length,
    });
    expect(fs.statSync(drawn).size).toBeGreaterThan(1000);
    expect((await paligemma('detect', PICTURE, '--labels', 'owl', '--draw', path.join(folder, 'out.jpg'))).err).toMatch(
      /must end in \.png/,
    );
  });
});

describe('models that are kept', () => {
  const cache = scratch('cache');
  const kept = (...args: string[]) => paligemma(...args, '--cache-dir', cache);
  const checkpoint = emoji('checkpoint');

  test('download makes one and prints its folder', async () => {
    const { status, out, err } = await kept('download', checkpoint, '--quantization', 'q4_k_m');
    expect(status).toBe(0);
    expect(fs.readdirSync(out.trim()).sort()).toEqual(['mmproj.gguf', 'model.gguf', 'source.json']);
    expect(err).toMatch(/text q4_k_m, vision q8_0.*--model .*checkpoint --quantization q4_k_m/);
  });

  test('a command opens it by what it was made from, and makes another one where it must', async () => {
    const caption = await kept('caption', PICTURE, '--model', checkpoint, '--quantization', 'q4_k_m');
    expect(caption).toEqual({ status: 0, out: 'an owl and a cat\n', err: '' });
    expect((await kept('caption', PICTURE, '--model', checkpoint)).out).toBe('an owl and a cat\n');
    const { models } = { models: JSON.parse((await kept('cache', 'list', '--json')).out) };
    expect(models).toMatchObject([{ quantization: 'f16' }, { model: checkpoint, quantization: 'q4_k_m' }]);
  });

  test('info shows types and sizes of one', async () => {
    const { out } = await kept('info', checkpoint, '--quantization', 'q4_k_m');
    expect(out).toMatch(/^quantization +text q4_k_m, vision q8_0$/m);
    expect(out).toMatch(/^text file +2\.\d MB: \d+ x q4_K \d/m);
    expect(out).toMatch(/^vision file +\d\.\d MB: \d+ x q8_0 /m);
    expect(out).toMatch(/^memory +[\d.]+ MB weights \+ [\d.]+ MB cache$/m);
  });

  test('info of one that is not kept says how to get it', async () => {
    const { status, err } = await kept('info', checkpoint, '--quantization', 'bf16');
    expect([status, err]).toEqual([1, expect.stringMatching(/ERR_MODEL_NOT_FOUND.*paligemma download/)]);
  });

  test('cache lists, tells its place and removes', async () => {
    expect((await kept('cache', 'path')).out).toBe(`${cache}\n`);
    const list = await kept('cache', 'list');
    expect(lines(list.out)).toHaveLength(2);
    expect(list.err).toMatch(/^2 models, .* in /);
    expect((await kept('cache', 'remove')).status).toBe(2);
    expect((await kept('cache', 'remove', checkpoint)).err).toMatch(/^removed 2 models/);
    expect((await kept('cache', 'list', '--json')).out).toBe('[]\n');
  });
});

describe('convert and info', () => {
  test('make and show a model', async () => {
    const target = path.join(scratch('cli'), 'new', 'model');
    const { status, out, err } = await paligemma(
      'convert',
      reference('pg2-random'),
      target,
      '--quantization',
      'bf16',
      '--json',
    );
    expect({ status, report: JSON.parse(out) }).toMatchObject({
      status: 0,
      report: { architecture: 'gemma2', quantization: 'bf16', files: [{}, {}] },
    });
    expect(err).toMatch(/--model/);
    expect(fs.readdirSync(target).sort()).toEqual(['mmproj.gguf', 'model.gguf']);
    const info = JSON.parse((await paligemma('info', target, '--json')).out);
    expect(info).toMatchObject({ architecture: 'paligemma2', imageTokens: 256, quantization: 'bf16', embedded: false });
    expect((await paligemma('info', target)).out).toMatch(/PaliGemma 2/);
    expect((await paligemma('caption', DOG, '--model', target, '--max-tokens', '2')).status).toBe(0);
  });
});

describe('bench', () => {
  test('measures a model alone and with several requests in flight', async () => {
    const args = ['--requests', '2', '--concurrency', '1,3', '--max-tokens', '3', '--json'];
    const { status, out } = await paligemma('bench', ...args);
    expect(status).toBe(0);
    const report = JSON.parse(out);
    expect(report).toMatchObject({ model: 'paligemma-emoji-112', quantization: 'f16', imageSize: 112 });
    expect(report.throughput.map((run: { concurrency: number }) => run.concurrency)).toEqual([1, 3]);
    const { tokens, ...times } = report.single;
    expect(tokens).toBeLessThanOrEqual(3);
    const resident = onLinux ? [report.resident] : [];
    for (const value of [...Object.values(times), report.load, ...resident]) expect(value).toBeGreaterThan(0);
  });

  test('prints a table', async () => {
    const { out } = await paligemma('bench', '--requests', '1', '--concurrency', '2', '--max-tokens', '2');
    expect(out).toMatch(/^vision +\d.* ms \(\d+ % of the peak\)$/m);
    expect(out).toMatch(/^2 in flight +[\d.]+ images\/s, [\d.]+ tokens\/s$/m);
    if (onLinux) expect(out).toMatch(/^memory +[\d.]+ MB resident$/m);
    expect(out).toMatch(/^processor +\d+ GFLOP\/s in float32, .*reads \d+ GB\/s$/m);
  });

  test('knows the sizes of random models', async () => {
    const { status, err } = await paligemma('bench', '--random', '5b-224');
    expect([status, err]).toEqual([1, expect.stringMatching(/3b, pg2-3b, pg2-10b, pg2-28b.*not "5b-224"/)]);
    expect((await paligemma('bench', '--concurrency', 'many')).status).toBe(2);
  });
});

describe('failures', () => {
  test.each([
    ['a missing picture', ['caption', '/no/such.png'], /ERR_INVALID_IMAGE: no such image file/],
    ['a missing model', ['caption', DOG, '--model', '/no/model'], /ERR_MODEL_NOT_FOUND/],
    ['a device that is not there', ['caption', DOG, '--device', 'cuda'], /ERR_DEVICE_UNAVAILABLE.*present: cpu/],
    ['a source that is not there', ['convert', '/no/such', '/tmp/never'], /ERR_MODEL_NOT_FOUND/],
    ['info of nothing', ['info', '/no/such'], /ERR_MODEL_NOT_FOUND/],
  ])('%s: status 1 and one line that names it', async (_, args, message) => {
    const { status, out, err } = await paligemma(...args);
    expect({ status, out }).toEqual({ status: 1, out: '' });
    const said = lines(err).filter((line) => !line.startsWith('Using the embedded'));
    expect(said).toEqual([expect.stringMatching(message)]);
    expect(said[0]).toMatch(/^paligemma: /);
  });

  test.each([
    [['captions']],
    [['caption']],
    [['generate', DOG]],
    [['caption', DOG, '--colour', 'red']],
    [['convert', 'a']],
    [['caption', DOG, '--max-tokens', 'many']],
    [['caption', DOG, '--max-tokens', '-1']],
    [['detect', DOG, '--labels', ' ; ']],
    [['convert', 'a', 'b', '--quantization', 'auto']],
  ])('%j is wrong usage: status 2', async (args) => {
    const { status, out, err } = await paligemma(...args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toMatch(/error: .*\n.*--help/s);
  });

  test('a load that fails is a JSON value too where JSON is asked for', async () => {
    const { status, out } = await paligemma('caption', DOG, '--model', '/no/model', '--json');
    expect({ status, value: JSON.parse(out) }).toMatchObject({
      status: 1,
      value: { error: { code: 'ERR_MODEL_NOT_FOUND' } },
    });
  });

  test('a reader that closes the pipe is no failure', async () => {
    const command = `"${process.execPath}" "${path.join(ROOT, 'cli', 'dist', 'cli.js')}" caption ${`"${DOG}" `.repeat(20)} | head -n 1`;
    const { out, err } = await new Promise<{ out: string; err: string }>((resolve) =>
      exec(command, { encoding: 'utf8' }, (_, out, err) => resolve({ out, err })),
    );
    expect(lines(out)).toHaveLength(1);
    expect(err).not.toMatch(/EPIPE|\n\s+at /);
  });

  test("a crash of the engine's process is named with its picture, and tells in the exit status whatever follows", async () => {
    const env = { PALIGEMMA_FAULTS: 'decode:abort:1' };
    const { status, out, err } = await start(['caption', PICTURE, '/no/such.png'], { env }).done;
    expect({ status, out }).toEqual({ status: 128 + os.constants.signals.SIGABRT, out: '' });
    expect(err).toMatch(
      /^paligemma: .*owl-and-cat\.png: ERR_ENGINE_DIED: .*died of SIGABRT \(.*on purpose, at decode\)$/m,
    );
    expect(err).toMatch(/^paligemma: ERR_INVALID_IMAGE: .*\/no\/such\.png/m);
  });
  onUnix('remarks that nobody reads are none', async () => {
    const command = `"${process.execPath}" "${path.join(ROOT, 'cli', 'dist', 'cli.js')}" caption "${DOG}" 2>&1 >out.txt | true`;
    const folder = scratch('closed');
    await new Promise((resolve) => exec(command, { cwd: folder }, resolve));
    expect(fs.readFileSync(path.join(folder, 'out.txt'), 'utf8')).toBe('a dog\n');
  });

  test('help and version are none', async () => {
    expect((await paligemma('--help')).out).toMatch(/caption.*generate.*convert.*info/s);
    expect((await paligemma('caption', '--help')).status).toBe(0);
    expect(await paligemma('--version')).toMatchObject({ status: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});

test('doctor shows the devices, the instruction sets, the memory and a check, and no secret', async () => {
  const env = { HF_TOKEN: 'hf_secret', HF_HUB_OFFLINE: '1' };
  const { status, out } = await start(['doctor'], { env }).done;
  expect(status).toBe(0);
  expect(out).toMatch(/^device +\S+: .* free of .* \(the first choice\)$/m);
  expect(out).toMatch(/^instructions +\S/m);
  expect(out).toMatch(/^settings +HF_HUB_OFFLINE set$/m);
  expect(out).toMatch(/^check +the embedded model says ".*" on \S+ in \d+ ms$/m);
  expect(out).not.toContain('hf_secret');
  const told = JSON.parse((await start(['doctor', '--json'], { env }).done).out);
  expect(told).toMatchObject({ version: expect.any(String), devices: expect.any(Array), check: { device: 'cpu' } });
});
