import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { openOutput } from '../../cli/batch/outputs/open.js';
import { Seen } from '../../cli/batch/outputs/seen.js';
import { openSource } from '../../cli/batch/sources/open.js';
import type { BatchItem, BatchResult, SampleFiles } from '../../lib/batch/item.js';
import { PICTURE, scratch } from '../helpers/fixtures.js';

const fresh = { resume: false, overwrite: false };
const resumed = { resume: true, overwrite: false };
const timings = { image: 1, queue: 0, vision: 2, prefill: 3, decode: 4, total: 10.25 };

/** Awkward ones: line breaks, quotes, other alphabets, an error, a name that needs pax, one picture asked twice. */
const RESULTS: BatchResult[] = [
  { id: 'a.png', index: 0, image: '/x/a.png', text: 'a "dog",\nand a cat', timings },
  { id: 'búho/狗.png', index: 1, text: '一只狗', author: 'K\nL', input: { text: 'before' }, timings },
  { id: 'c.png', index: 2, error: { code: 'ERR_INVALID_IMAGE', message: 'no such image file: c.png' } },
  {
    id: `${'deep/'.repeat(40)}d.png`,
    index: 3,
    objects: [{ label: 'cat', score: 0.5, box: { xmin: 1, ymin: 2, xmax: 3, ymax: 4 } }],
    timings,
  },
  { id: 'a.png', index: 4, prompt: 'caption es', text: 'un perro', timings },
  { id: 'a.png', index: 5, text: 'the same again', timings },
  {
    id: 'e.png',
    index: 6,
    choices: ['dog', 'cat'],
    choice: { index: 1, letter: 'B', text: 'cat', answer: 'B' },
    finishReason: 'stop',
    timings,
  },
];
const CHOSEN = RESULTS.at(-1) as BatchResult;
const FILES: SampleFiles = [{ extension: 'png', data: Buffer.from('picture') }];
const itemOf = ({ id, prompt, choices }: BatchResult) => ({ id, image: 'x', prompt, choices }) as BatchItem;

async function writeAll(target: string, results: BatchResult[], options = fresh): Promise<void> {
  const output = await openOutput(target, options);
  await Promise.all(results.map((result) => output.write(result, FILES)));
  await output.close();
}

describe.each(['out.jsonl', 'out.csv', 'out.tar'])('%s', (name) => {
  test('holds the same after it was torn anywhere and gone on with', async () => {
    const target = path.join(scratch('output'), name);
    await writeAll(target, RESULTS);
    const whole = fs.readFileSync(target);
    let before = 0;
    for (let length = 0; length <= whole.length; length += name.endsWith('tar') ? 97 : 5) {
      fs.writeFileSync(target, whole.subarray(0, length));
      const output = await openOutput(target, resumed);
      const left = RESULTS.filter((result) => !output.has(itemOf(result), result.index));
      // What is kept is the beginning, more of it the later it was torn.
      expect(left).toEqual(RESULTS.slice(RESULTS.length - left.length));
      expect(RESULTS.length - left.length).toBeGreaterThanOrEqual(before);
      before = RESULTS.length - left.length;
      for (const result of left) await output.write(result, FILES);
      await output.close();
      expect(fs.readFileSync(target).equals(whole)).toBe(true);
    }
  });
  test('is not written over unless asked to', async () => {
    const target = path.join(scratch('output'), 'new', name);
    await writeAll(target, RESULTS.slice(0, 1));
    const before = fs.readFileSync(target);
    await expect(openOutput(target, fresh)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: /--resume.*--overwrite/,
    });
    expect(fs.readFileSync(target).equals(before)).toBe(true);
    await writeAll(target, [], { resume: false, overwrite: true });
    expect(fs.statSync(target).size).toBeLessThan(before.length);
  });
  test('has no place for fields that cannot be written, and goes on', async () => {
    const target = path.join(scratch('output'), name);
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    const output = await openOutput(target, fresh);
    await expect(output.write({ ...(RESULTS[1] as BatchResult), deep }, FILES)).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringContaining(RESULTS[1]?.id as string),
    });
    await output.write(RESULTS[0] as BatchResult, FILES);
    await output.close();
    const again = await openOutput(target, resumed);
    expect(RESULTS.slice(0, 2).map((result) => again.has(itemOf(result), result.index))).toEqual([true, false]);
    await again.close();
  });
  test('is written by one batch at a time', async () => {
    const target = path.join(scratch('output'), name);
    const link = path.join(scratch('link'), name);
    fs.symlinkSync(target, link);
    const first = await openOutput(target, fresh);
    await first.write(RESULTS[0] as BatchResult, FILES);
    const before = fs.readFileSync(target);
    for (const options of [fresh, resumed, { resume: false, overwrite: true }])
      for (const same of [target, path.relative('.', target), link])
        await expect(openOutput(same, options)).rejects.toMatchObject({
          code: 'ERR_IN_USE',
          message: expect.stringContaining(`(pid ${process.pid})`),
        });
    expect(fs.readFileSync(target).equals(before)).toBe(true);
    await first.close();
    await (await openOutput(target, resumed)).close();
    expect(fs.readdirSync(path.dirname(target))).toEqual([name]);
  });
  test('of somebody else is left alone', async () => {
    const folder = scratch('output');
    const target = path.join(folder, name);
    fs.writeFileSync(path.join(folder, '0.png'), 'x');
    fs.writeFileSync(path.join(folder, '1.png'), 'x');
    const foreign: (string | Buffer)[] = [
      'name,age\nK,3\n',
      '{"image":"a.png"}\n{"image":"b.png"}\n',
      '[1]\n',
      Buffer.alloc(600, 7),
      execFileSync('tar', ['-c', '-C', folder, '0.png', '1.png']),
    ];
    for (const content of foreign) {
      fs.writeFileSync(target, content);
      await expect(openOutput(target, resumed)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
      expect(fs.readFileSync(target).equals(Buffer.from(content))).toBe(true);
    }
  });
});

test('a tar with what is too large to be a result is left alone', async () => {
  const folder = scratch('output');
  const target = path.join(folder, 'out.tar');
  fs.closeSync(fs.openSync(path.join(folder, '0.json'), 'w'));
  fs.truncateSync(path.join(folder, '0.json'), 65 << 20);
  execFileSync('tar', ['-cf', target, '-C', folder, '0.json']);
  const { size } = fs.statSync(target);
  await expect(openOutput(target, resumed)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: /larger than a result of a batch/,
  });
  expect(fs.statSync(target).size).toBe(size);
});

test('damage in the middle of JSONL is not cut off with what follows it', async () => {
  const target = path.join(scratch('output'), 'out.jsonl');
  await writeAll(target, RESULTS);
  const damaged = fs.readFileSync(target, 'utf8').replace('{"id":"c.png"', '{"id:"c.png"');
  fs.writeFileSync(target, damaged);
  await expect(openOutput(target, resumed)).rejects.toMatchObject({ message: /line 3/ });
  expect(fs.readFileSync(target, 'utf8')).toBe(damaged);
});

test('CSV is what spreadsheets read', async () => {
  const target = path.join(scratch('output'), 'out.csv');
  await writeAll(target, [...RESULTS.slice(0, 3), CHOSEN]);
  expect(fs.readFileSync(target, 'utf8')).toBe(
    'id,index,image,text,choice,objects,finishReason,error,milliseconds,fields\n' +
      'a.png,0,/x/a.png,"a ""dog"",\nand a cat",,,,,10.25,\n' +
      'búho/狗.png,1,,一只狗,,,,,10.25,"{""author"":""K\\nL"",""input"":{""text"":""before""}}"\n' +
      'c.png,2,,,,,,ERR_INVALID_IMAGE: no such image file: c.png,,\n' +
      'e.png,6,,,"{""index"":1,""letter"":""B"",""text"":""cat"",""answer"":""B""}",,stop,,10.25,' +
      '"{""choices"":[""dog"",""cat""]}"\n',
  );
});

describe('CSV for spreadsheets', () => {
  const texts = ['=1+1', '+1', '-1', '@a', '\tb', '\rc', '\nd', "'=quoted", '\uff1dwide', 'a=1', '', "it's"];
  const results = texts.map((text, index): BatchResult => ({ id: `${text}.png`, index, text, timings }));
  const safe = { ...fresh, csvSafe: true };
  test('has no formulas when asked for, and is gone on with', async () => {
    const target = path.join(scratch('output'), 'out.csv');
    await writeAll(target, results.slice(0, 8), safe);
    const output = await openOutput(target, { ...resumed, csvSafe: true });
    const left = results.filter((result) => !output.has(itemOf(result), result.index));
    expect(left).toEqual(results.slice(8));
    for (const result of left) await output.write(result);
    await output.close();
    const cells = parse(fs.readFileSync(target, 'utf8')).slice(1) as string[][];
    expect(cells.map((record) => record[3])).toEqual(texts.map((text, i) => (i < 9 ? `'${text}` : text)));
    expect(cells.flat().filter((cell) => /^[=+\-@\t\r\n\uff1d]/.test(cell))).toEqual([]);
  });
  test('holds texts as they are otherwise', async () => {
    const target = path.join(scratch('output'), 'out.csv');
    await writeAll(target, results);
    expect((parse(fs.readFileSync(target, 'utf8')) as string[][]).slice(1).map((record) => record[3])).toEqual(texts);
  });
  test('is not gone on with in the other way', async () => {
    for (const [before, after] of [
      [safe, resumed],
      [fresh, { ...resumed, csvSafe: true }],
    ] as const) {
      const target = path.join(scratch('output'), 'out.csv');
      await writeAll(target, results.slice(0, 1), before);
      await expect(openOutput(target, after)).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringMatching(/was written with(out)? --csv-safe/),
      });
    }
    await expect(openOutput('out.jsonl', safe)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
});

test('a tar is a WebDataset: the sample with a caption, in the order of writing', async () => {
  const target = path.join(scratch('output'), 'out.tar');
  await writeAll(target, RESULTS.slice(0, 4));
  const names = execFileSync('tar', ['-tf', target], { encoding: 'utf8' }).trim().split('\n');
  expect(names.slice(0, 8)).toEqual(['a.png', 'a.caption', 'a.json', ...names.slice(3, 6), 'c.png', 'c.json']);
  expect(execFileSync('tar', ['-xOf', target, 'a.caption'], { encoding: 'utf8' })).toBe(RESULTS[0]?.text);
  const back: BatchItem[] = [];
  for await (const entry of openSource(target)) back.push(entry as BatchItem);
  expect(back.map(({ id }) => id)).toEqual(['a', 'búho/狗', 'c', `${'deep/'.repeat(40)}d`]);
  expect(back[0]).toMatchObject({
    image: Buffer.from('picture'),
    index: 0,
    text: RESULTS[0]?.text,
    input: { id: 'a.png' },
  });
});

test.each(['out.tar', 'sidecar'])('a choice is JSON in a file of its own: %s', async (kind) => {
  const folder = scratch('output');
  const target = kind === 'sidecar' ? kind : path.join(folder, kind);
  await writeAll(target, [{ ...CHOSEN, image: path.join(folder, CHOSEN.id) } as BatchResult]);
  const text =
    kind === 'sidecar'
      ? fs.readFileSync(path.join(folder, 'e.txt'), 'utf8')
      : execFileSync('tar', ['-xOf', target, 'e.caption'], { encoding: 'utf8' });
  expect(JSON.parse(text)).toEqual(CHOSEN.choice);
});

describe('pictures of one name in a tar', () => {
  const ids = [
    'x/IMG_1.HEIC',
    'x/IMG_1.JPG',
    'x/IMG_2.png',
    'x/IMG_1.png',
    'x/IMG_1.JPG',
    'x/IMG_1_JPG.png',
    'x/IMG.1',
    '7',
    '7',
  ];
  const results = ids.map((id, index): BatchResult => ({ id, index, text: `${index}`, timings }));
  const expected = ['IMG_1', 'IMG_1_JPG', 'IMG_2', 'IMG_1_png', 'IMG_1_4', 'IMG_1_JPG_png', 'IMG_1_6'].map(
    (name) => `x/${name}`,
  );
  const named = [...expected, '7', '7_8'].map((name, i) => [name, ids[i]]);
  /** Names in the tar with the ids of their results, by the place in the source. */
  const inside = async (target: string) => {
    const found: { name?: string; id?: unknown; index: number }[] = [];
    for await (const { id: name, index, input } of openSource(target) as AsyncIterable<BatchItem>)
      found.push({ name, id: (input as BatchItem).id, index: Number(index) });
    return found.sort((a, b) => a.index - b.index).map(({ name, id }) => [name, id]);
  };
  /** As a batch does: asked for in the order of the source, written as they are finished. */
  const write = async (target: string, order: number[], options: Parameters<typeof openOutput>[1]) => {
    const output = await openOutput(target, options);
    const left = results.filter((result) => !output.has(itemOf(result), result.index));
    for (const i of order)
      if (left.includes(results[i] as BatchResult)) await output.write(results[i] as BatchResult, FILES);
    await output.close();
  };
  const all = [...ids.keys()];
  test('have names of their own, whatever is finished first and however often it is interrupted', async () => {
    for (const order of [all, [...all].reverse(), [4, 8, 0, 6, 2, 1, 7, 3, 5]])
      for (const first of [0, 1, 3, 6, 9]) {
        const target = path.join(scratch('output'), 'out.tar');
        await write(target, order.slice(0, first), fresh);
        await write(target, order, resumed);
        const names = await inside(target);
        // Of one picture that is asked for twice either may have come first.
        expect([...names].sort()).toEqual([...named].sort());
        if (first === 0 || order === all) expect(names).toEqual(named);
      }
  });
  test('are told of, the first one by name', async () => {
    const said: string[] = [];
    const target = path.join(scratch('output'), 'out.tar');
    await write(target, all, { ...fresh, say: (text) => void said.push(text) });
    expect(said).toEqual([
      'x/IMG_1.JPG is the sample x/IMG_1_JPG, as another one has the name x/IMG_1',
      expect.stringMatching(/^6 results have other names than their pictures/),
    ]);
  });
  test('that come later, before what is there, leave its name to it', async () => {
    const target = path.join(scratch('output'), 'out.tar');
    await writeAll(target, [{ id: 'IMG_1.JPG', index: 0, text: '0', timings }]);
    const output = await openOutput(target, resumed);
    const added: BatchResult = { id: 'IMG_1.HEIC', index: 1, text: '1', timings };
    expect(output.has(itemOf(added), 1)).toBe(false);
    await output.write(added, FILES);
    await output.close();
    expect(await inside(target)).toEqual([
      ['IMG_1', 'IMG_1.JPG'],
      ['IMG_1_HEIC', 'IMG_1.HEIC'],
    ]);
  });
});

describe('sidecar', () => {
  const picture = () => {
    const file = path.join(scratch('sidecar'), 'photo.of.me.png');
    fs.copyFileSync(PICTURE, file);
    return file;
  };
  test('writes beside the picture, once', async () => {
    const image = picture();
    const output = await openOutput('sidecar', fresh);
    const result = { id: image, index: 0, image, text: 'me', timings };
    await output.write(result);
    const text = image.replace(/png$/, 'txt');
    expect(fs.readFileSync(text, 'utf8')).toBe('me\n');
    await expect(output.write({ ...result, text: 'you' })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    expect(fs.readFileSync(text, 'utf8')).toBe('me\n');
    await (await openOutput('sidecar', { resume: false, overwrite: true })).write({ ...result, text: 'you' });
    expect(fs.readFileSync(text, 'utf8')).toBe('you\n');
    expect(fs.readdirSync(path.dirname(image)).sort()).toEqual(['photo.of.me.png', 'photo.of.me.txt']);
  });
  test('knows what is there, and leaves failures for another time', async () => {
    const image = picture();
    await (await openOutput('sidecar', fresh)).write({
      id: image,
      index: 0,
      image,
      error: { code: 'ERR_INVALID_IMAGE', message: 'no' },
    });
    expect((await openOutput('sidecar', resumed)).has({ image }, 0)).toBe(false);
    await (await openOutput('sidecar', fresh)).write({ id: image, index: 0, image, text: 'me', timings });
    expect((await openOutput('sidecar', resumed)).has({ image }, 0)).toBe(true);
    expect((await openOutput('sidecar', fresh)).has({ image }, 0)).toBe(false);
  });
  test('of pictures of one name are beside each, always the same, and told of', async () => {
    const folder = scratch('sidecar');
    const files = ['IMG_1.HEIC', 'IMG_1.JPG', 'IMG_1.png', 'IMG_2.heic', 'IMG_2.cr2'].map((name) =>
      path.join(folder, name),
    );
    for (const file of files) fs.writeFileSync(file, '');
    const expected = ['IMG_1.HEIC.txt', 'IMG_1.txt', 'IMG_1.png.txt', 'IMG_2.txt'];
    const results = files
      .slice(0, 4)
      .map((image, index): BatchResult => ({ id: image, index, image, text: `${index}`, timings }));
    for (const order of [results, [...results].reverse()]) {
      for (const result of order) {
        // Each in a run of its own, that finds what the others did.
        const said: string[] = [];
        const output = await openOutput('sidecar', { ...resumed, say: (text) => void said.push(text) });
        expect(output.has({ image: result.image as string }, result.index)).toBe(false);
        await output.write(result);
        expect(output.has({ image: result.image as string }, result.index)).toBe(true);
        await output.close();
        expect(said).toEqual(
          [0, 2].includes(result.index) ? [expect.stringMatching(/the text of .*IMG_1.* that of .*IMG_1\.JPG$/)] : [],
        );
      }
      const texts = expected.map((name) => fs.readFileSync(path.join(folder, name), 'utf8'));
      expect(texts).toEqual(['0\n', '1\n', '2\n', '3\n']);
      for (const name of expected) fs.rmSync(path.join(folder, name));
    }
  });
  test('is never written over by another batch at the same time', async () => {
    const image = picture();
    const outputs = await Promise.all(Array.from({ length: 8 }, () => openOutput('sidecar', fresh)));
    const done = await Promise.allSettled(
      outputs.map((output, i) => output.write({ id: image, index: 0, image, text: `${i}`, timings })),
    );
    const first = done.findIndex(({ status }) => status === 'fulfilled');
    const others = done.filter(({ status }) => status === 'rejected');
    expect(others).toHaveLength(7);
    for (const other of others) expect(other).toMatchObject({ reason: { code: 'ERR_INVALID_ARGUMENT' } });
    expect(fs.readFileSync(image.replace(/png$/, 'txt'), 'utf8')).toBe(`${first}\n`);
    expect(fs.readdirSync(path.dirname(image)).sort()).toEqual(['photo.of.me.png', 'photo.of.me.txt']);
  });
  test('has no place for what is no file', async () => {
    const output = await openOutput('sidecar', fresh);
    for (const image of ['https://example.com/a.png', undefined])
      await expect(output.write({ id: 'a', index: 0, image, text: 'x', timings })).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
  });
});

test('an output of no known kind is refused', async () => {
  await expect(openOutput('out.xml', fresh)).rejects.toMatchObject({
    code: 'ERR_INVALID_ARGUMENT',
    message: /\.jsonl, \.csv or \.tar/,
  });
  await expect(openOutput('-', resumed)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  await expect(openOutput(scratch('a.jsonl'), fresh)).rejects.toThrow();
});

test('what was seen is known among many, each as often as it was', () => {
  const seen = new Seen();
  for (let i = 0; i < 5000; i++) seen.add({ id: `item ${(i * 7919) % 5000}` });
  seen.add({ id: 'item 17' });
  for (let i = 0; i < 5000; i++) expect(seen.has({ id: `item ${i}`, image: 'x' }, i)).toBe(true);
  expect(seen.has({ id: 'item 17', image: 'x' }, 0)).toBe(true);
  expect(seen.has({ id: 'item 17', image: 'x' }, 0)).toBe(false);
  expect(seen.has({ id: 'item 5000', image: 'x' }, 0)).toBe(false);
  expect(new Seen().has({ id: 'x', image: 'x' }, 0)).toBe(false);
});
