import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import tar from 'tar-stream';
import { checkSource, openSource, type SourceOptions } from '../../cli/batch/sources/open.js';
import { type BatchItem, FILES, type Unusable } from '../../lib/batch/item.js';
import { PICTURE, scratch } from '../helpers/fixtures.js';

async function entries(input: string, options?: SourceOptions): Promise<(BatchItem | Unusable)[]> {
  const all: (BatchItem | Unusable)[] = [];
  for await (const entry of openSource(input, options)) all.push(entry);
  return all;
}

function folder(...names: string[]): string {
  const root = scratch('source');
  for (const name of names) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), name);
  }
  return root;
}

function file(name: string, content: string | Buffer): string {
  const target = path.join(scratch('source'), name);
  fs.writeFileSync(target, content);
  return target;
}

async function tarOf(files: Record<string, string> | [string, string | Buffer][], name = 'set.tar'): Promise<string> {
  const pack = tar.pack();
  for (const [entry, content] of Array.isArray(files) ? files : Object.entries(files))
    pack.entry({ name: entry }, content);
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack as AsyncIterable<Buffer>) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  return file(name, name.endsWith('gz') ? gzipSync(whole) : whole);
}

const NESTED = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;

describe('a folder', () => {
  test('gives its pictures and those below it, by name; no other files, none that begin with a dot', async () => {
    const root = folder('b.JPG', 'a/2.png', 'a/1.webp', 'notes.txt', '.hidden.png', '.git/x.png', 'c.heic');
    const images = (await entries(root)).map((entry) => path.relative(root, (entry as BatchItem).image as string));
    expect(images).toEqual(['a/1.webp', 'a/2.png', 'b.JPG', 'c.heic'].map(path.normalize));
  });
  test('without pictures is an error', async () => {
    await expect(entries(folder('notes.txt'))).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: /no pictures/,
    });
  });
});

describe('a glob, and a picture', () => {
  test('give the pictures that match', async () => {
    const root = folder('x/a.png', 'x/b.jpg', 'y/a.png', 'x/a.txt');
    const found = await entries(path.posix.join(root.replaceAll('\\', '/'), '*/a.*'));
    expect(found.map((entry) => path.relative(root, (entry as BatchItem).image as string))).toEqual(
      ['x/a.png', 'y/a.png'].map(path.normalize),
    );
    expect(await entries(path.join(root, 'x/a.png'))).toEqual([{ image: path.join(root, 'x/a.png') }]);
  });
  test('that match nothing are errors', async () => {
    await expect(entries(path.join(folder('a.png'), '*.jpg'))).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
    await expect(checkSource('/no/such/folder')).rejects.toThrow(/no such folder, list, tar or picture/);
    await checkSource('/no/such/*.png');
  });
});

const named = (entry: BatchItem | Unusable) => entry.id ?? path.basename((entry as BatchItem).image as string);

describe('a pattern', () => {
  test('reads the tars that match as tars, between the pictures, by name', async () => {
    const root = path.dirname(await tarOf({ 'b/0.png': 'A', 'b/1.png': 'B' }, 'b.tar'));
    fs.copyFileSync(await tarOf({ 'd/0.png': 'C' }, 'd.tar.gz'), path.join(root, 'd.tar.gz'));
    for (const name of ['a.png', 'c.png', 'e.txt']) fs.writeFileSync(path.join(root, name), name);
    expect((await entries(`${root}/*`)).map(named)).toEqual([...['a.png', 'b/0', 'b/1', 'c.png', 'd/0']]);
    const [entry] = await entries(`${root}/*.tar`, { keepFiles: true });
    expect((entry as never)[FILES]).toEqual([{ extension: 'png', data: Buffer.from('A') }]);
  });
  const onPosix = process.platform === 'win32' ? test.skip : test;
  onPosix('parts folders with backslashes on Windows, and escapes with them elsewhere', async () => {
    const root = folder('x/a.png', 'x/b.jpg', 'y/a.png', 'y/[a].png');
    const windows = path.join(root, 'x/*.png').replaceAll('/', '\\');
    await checkSource(windows, 'win32');
    expect((await entries(windows, { platform: 'win32' })).map(named)).toEqual(['a.png']);
    const escaped = path.join(root, 'y/\\[a\\].*');
    expect((await entries(escaped, { platform: 'linux' })).map(named)).toEqual(['[a].png']);
  });
});

describe('a file that is no list', () => {
  test.each(['photo.bmp', 'photo.CR2', 'photo.dng', 'drawing.svg', 'photo.jxl'])(
    '%s is a picture of another kind',
    async (name) => {
      const source = file(name, '<svg/>');
      for (const act of [checkSource, entries])
        await expect(act(source)).rejects.toMatchObject({
          code: 'ERR_INVALID_ARGUMENT',
          message: expect.stringMatching(/is a picture of a kind that is not read/),
        });
    },
  );
  test('is a picture when that is what it holds, whatever its name', async () => {
    const source = file('photo', fs.readFileSync(PICTURE));
    await checkSource(source);
    expect(await entries(source)).toEqual([{ image: source }]);
  });
  test('is refused when it is no text', async () => {
    for (const content of [Buffer.from('BM\0\0'), Buffer.from('a.png\n', 'utf16le'), Buffer.from([0x89, 0, 1])])
      for (const act of [checkSource, entries])
        await expect(act(file('photos', content))).rejects.toMatchObject({
          code: 'ERR_INVALID_ARGUMENT',
          message: expect.stringMatching(/neither a picture that can be read nor a list, which is a text in UTF-8/),
        });
    const standardInput = new PassThrough();
    standardInput.end(fs.readFileSync(PICTURE));
    await expect(entries('-', { standardInput })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: expect.stringMatching(/standard input .* no text/),
    });
  });
});

test('what cannot be listed without doing the work is not', async () => {
  const root = path.dirname(await tarOf({ '0.png': 'A' }));
  fs.writeFileSync(path.join(root, 'a.png'), '');
  for (const source of ['-', path.join(root, 'set.tar'), path.join(root, '*')])
    await expect(entries(source, { listingOnly: true })).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  expect(await entries(path.join(root, '*.png'), { listingOnly: true })).toHaveLength(1);
});

describe('a list', () => {
  test('has a path or URL a line, relative to where it lies', async () => {
    const list = file('list.txt', '\ufeffa.png\r\n\r\n  sub/b b.jpg \nhttps://example.com/c.png\n/abs/d.png');
    const root = path.dirname(list);
    expect(await entries(list)).toEqual([
      { id: 'a.png', image: path.join(root, 'a.png') },
      { id: 'sub/b b.jpg', image: path.join(root, 'sub/b b.jpg') },
      { id: 'https://example.com/c.png', image: 'https://example.com/c.png' },
      { id: '/abs/d.png', image: path.resolve(list, '/abs/d.png') },
    ]);
  });
  test('of JSON keeps all fields', async () => {
    const list = file(
      'list.jsonl',
      '{"image":"a.png","id":7,"prompt":"caption es","author":{"name":"K"}}\n{"image":"a.png"}\n',
    );
    const image = path.join(path.dirname(list), 'a.png');
    expect(await entries(list)).toEqual([
      { id: '7', image, prompt: 'caption es', author: { name: 'K' } },
      { id: 'a.png', image },
    ]);
  });
  test('makes an error of each line that is no item, and goes on', async () => {
    const list = file('list.jsonl', '{"image":\n{"picture":"a.png"}\n{"image":"a.png","id":[]}\n{"image":"b.png"}\n');
    const found = await entries(list);
    expect(found.slice(0, 3)).toMatchObject([
      { id: `${list}:1`, error: { code: 'ERR_INVALID_ARGUMENT', message: /line 1: it is no JSON/ } },
      { error: { message: /line 2: it needs "image"/ } },
      { error: { message: /line 3: "id"/ } },
    ]);
    expect(found[3]).toMatchObject({ id: 'b.png' });
  });
  test('on standard input is read as it comes', async () => {
    const standardInput = new PassThrough();
    const source = openSource('-', { standardInput });
    standardInput.write('/a.png\n/b');
    expect((await source.next()).value).toMatchObject({ id: '/a.png' });
    standardInput.end('.png');
    expect((await source.next()).value).toMatchObject({ id: '/b.png' });
    expect((await source.next()).done).toBe(true);
  });
  test('may hold a line that no result could carry, nested without an end, and goes on', async () => {
    const list = file('list.jsonl', `{"image":"a.png","x":${NESTED}}\n{"image":"b.png"}\n`);
    expect(await entries(list)).toMatchObject([
      { error: { code: 'ERR_INVALID_ARGUMENT', message: /line 1: it is no JSON \(nested deeper than 100 levels\)/ } },
      { id: 'b.png' },
    ]);
  });
  test('does not cut characters where chunks end', async () => {
    const standardInput = new PassThrough();
    const bytes = Buffer.from('/búho.png\n');
    for (const byte of bytes) standardInput.write(Buffer.from([byte]));
    standardInput.end();
    expect(await entries('-', { standardInput })).toMatchObject([{ id: '/búho.png' }]);
  });
});

describe('a tar', () => {
  test('has samples of neighbouring files, whose JSON is carried over', async () => {
    const source = await tarOf({
      'a/0.jpg': 'A',
      'a/0.json': '{"n":1,"text":"t","prompt":"p"}',
      'a/0.txt': 'x',
      'a/1.seg.png': 'B',
      README: '',
    });
    expect(await entries(source)).toEqual([
      { id: 'a/0', source, image: Buffer.from('A'), n: 1, text: 't', input: { prompt: 'p' } },
      { id: 'a/1', source, image: Buffer.from('B') },
    ]);
  });
  test('keeps all files of a sample when asked to', async () => {
    const source = await tarOf({ '0.jpg': 'A', '0.cls': '3' }, 'set.tar.gz');
    const [entry] = await entries(source, { keepFiles: true });
    expect((entry as never)[FILES]).toEqual([
      { extension: 'jpg', data: Buffer.from('A') },
      { extension: 'cls', data: Buffer.from('3') },
    ]);
  });
  test('makes an error of each sample that is none, and goes on', async () => {
    const source = await tarOf([
      ['0.json', '{}'],
      ['1.png', ''],
      ['1.json', 'null'],
      ['2.png', 'x'],
      ['2.png', 'y'],
      ['3.png', 'z'],
      ['4.png', 'z'],
      ['4.json', '[1]'],
      ['5.png', 'z'],
      ['5.json', `{"x":${NESTED}}`],
    ]);
    const found = await entries(source);
    expect(found).toMatchObject([
      { id: '0', error: { message: /the sample 0 has no picture/ } },
      { id: '1', error: { message: /1\.json is no JSON object: it is null/ } },
      { id: '2', error: { message: /2\.png is there twice/ } },
      { id: '3' },
      { id: '4', error: { message: /4\.json is no JSON object: it is an array of 1/ } },
      { id: '5', error: { message: /5\.json is no JSON object: nested deeper than 100 levels/ } },
    ]);
  });
  test('makes an error of each sample that is too large to be kept in memory', async () => {
    const MiB = 1 << 20;
    const large = (mebibytes: number) => Buffer.alloc(mebibytes * MiB, ' ');
    const many = Array.from({ length: 1001 }, (_, i): [string, string] => [`3.${i}.txt`, '']);
    const source = await tarOf([
      ['0.png', 'A'],
      ['0.json', large(17)],
      ['1.png', 'B'],
      ['1.a.bin', large(33)],
      ['1.b.bin', large(33)],
      ['2.png', large(65)],
      ['3.png', 'C'],
      ...many,
      ['4.png', 'D'],
    ]);
    const expected = (second: object) => [
      {
        id: '0',
        error: { code: 'ERR_INVALID_ARGUMENT', message: expect.stringMatching(/0\.json is larger than .* 16 MiB/) },
      },
      second,
      { id: '2', error: { message: expect.stringMatching(/2\.png is larger than .* 64 MiB/) } },
      { id: '3', error: { message: expect.stringMatching(/its sample has more than 1000 files/) } },
      { id: '4', image: Buffer.from('D') },
    ];
    expect(await entries(source)).toMatchObject(expected({ id: '1', image: Buffer.from('B') }));
    expect(await entries(source, { keepFiles: true })).toMatchObject(
      expected({
        id: '1',
        error: { message: expect.stringMatching(/up to 1\.b\.bin are larger than .* 64 MiB together/) },
      }),
    );
  });
  test('that is cut says after which sample', async () => {
    const whole = fs.readFileSync(await tarOf({ '0.png': 'A', '1.png': 'B'.repeat(2000) }));
    const source = file('cut.tar', whole.subarray(0, 2048));
    const found: string[] = [];
    const all = async () => {
      for await (const entry of openSource(source)) found.push(entry.id as string);
    };
    await expect(all()).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: /cut\.tar cannot be read on after/,
    });
    expect(found).toEqual(['0']);
  });
  test('of the tar program is read', async () => {
    const root = folder(`${'long'.repeat(40)}/0.png`, '1.png');
    const source = path.join(scratch('tar'), 'set.tar');
    execFileSync('tar', ['-cf', source, '-C', root, '.']);
    const ids = (await entries(source)).map(({ id }) => id).sort();
    expect(ids).toEqual(['./1', `./${'long'.repeat(40)}/0`]);
  });
});
