import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { native } from '../lib/addon/native.js';
import { decodeImage, withImage } from '../lib/image/decode.js';
import { FETCH_LIMIT_BYTES } from '../lib/image/fetch-bytes.js';
import type { ImageInput } from '../lib/image/input.js';
import { FIXTURES, scratch, within } from './helpers/fixtures.js';

const fixture = (name: string) => path.join(FIXTURES, 'images', name);
const names = fs.readdirSync(path.join(FIXTURES, 'images'));

describe('decodes as Pillow does', () => {
  test.each(names.filter((name) => names.includes(`${name}.rgb`)))('%s', async (name) => {
    const expected = fs.readFileSync(fixture(`${name}.rgb`));
    const { data, width, height } = await decodeImage(fixture(name));
    expect([width, height]).toEqual([expected.readUInt32LE(0), expected.readUInt32LE(4)]);
    expect(Buffer.compare(data, expected.subarray(8))).toBe(0);
  });

  test('AVIF', async () => {
    const file = path.join(scratch('avif'), 'rgb.avif');
    await sharp(fixture('rgb.png')).avif({ lossless: true }).toFile(file);
    const { width, height, data } = await decodeImage(file);
    const expected = (await decodeImage(fixture('rgb.png'))).data;
    expect([width, height]).toEqual([41, 27]);
    expect(Math.max(...data.map((value, i) => Math.abs(value - (expected[i] as number))))).toBeLessThan(8);
  });
});

describe('resizes as Pillow does', () => {
  test.each(names.filter((name) => name.endsWith('.resized')))('%s', async (name) => {
    const { data, width, height } = await decodeImage(fixture(name.replace('.resized', '.png')));
    const size = Number(/-to-(\d+)/.exec(name)?.[1]);
    const resized = await native().resize(data, width, height, size);
    expect(Buffer.compare(resized, fs.readFileSync(fixture(name)))).toBe(0);
  });
});

describe('takes an image as', () => {
  const file = fixture('rgb.png');
  const bytes = fs.readFileSync(file);
  const pixels = (channels: 1 | 3 | 4) => ({
    data: new Uint8Array(6 * channels).map((_, i) => i),
    width: 3,
    height: 2,
    channels,
  });

  const inputs: [string, ImageInput][] = [
    ['a path', file],
    ['a file URL', pathToFileURL(file)],
    ['the text of a file URL', pathToFileURL(file).href],
    ['a Buffer', bytes],
    ['a Uint8Array', new Uint8Array(bytes)],
    ['a Blob', new Blob([bytes])],
    ['an ArrayBuffer', new Uint8Array(bytes).buffer],
    ['a data URL in base64', `data:image/png;base64,${bytes.toString('base64')}`],
    ['one that says it is something else', `DATA:text/plain;charset=x;base64,${bytes.toString('base64')}`],
    [
      'one without padding, in lines',
      `data:;base64,${bytes.toString('base64').replace(/=+$/, '').replace(/.{60}/g, '$&%0A')}`,
    ],
    [
      'one in percent encoding',
      `data:image/png,${[...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')}`,
    ],
    ['one as a URL, with a fragment', new URL(`data:image/png;base64,${bytes.toString('base64')}#top`)],
  ];
  test.each(inputs)('%s', async (_, input) => {
    const { data, width, height } = await decodeImage(input);
    expect([width, height]).toEqual([41, 27]);
    expect(Buffer.compare(data, fs.readFileSync(fixture('rgb.png.rgb')).subarray(8))).toBe(0);
  });

  test('raw pixels, grey copied and alpha dropped', async () => {
    expect([...(await decodeImage(pixels(1))).data]).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5]);
    expect([...(await decodeImage(pixels(3))).data]).toEqual([...pixels(3).data]);
    expect([...(await decodeImage(pixels(4))).data].slice(0, 6)).toEqual([0, 1, 2, 4, 5, 6]);
  });
});

describe('takes the pixels of a canvas', () => {
  /** As in browsers and canvas packages: what it holds is not its own, but its class's. */
  class ImageData {
    readonly #data = Uint8ClampedArray.from([1, 2, 3, 255, 4, 5, 6, 0]);
    get data() {
      return this.#data;
    }
    get width() {
      return 2;
    }
    get height() {
      return 1;
    }
  }
  test('as RGBA', async () => {
    const image = new ImageData();
    const decoded = await decodeImage(image);
    expect([decoded.width, decoded.height, ...decoded.data]).toEqual([2, 1, 1, 2, 3, 4, 5, 6]);
    decoded.data.fill(0);
    expect([...image.data]).toEqual([1, 2, 3, 255, 4, 5, 6, 0]);
  });
  test('or with the channels that it says, and a view of them', async () => {
    const data = Uint8ClampedArray.from([9, 9, 1, 2, 3, 4, 5, 6]).subarray(2);
    expect([...(await decodeImage({ data, width: 2, height: 1, channels: 3 })).data]).toEqual([1, 2, 3, 4, 5, 6]);
  });
  test('and not such that do not fit its size', () =>
    expect(decodeImage({ data: new Uint8ClampedArray(6), width: 2, height: 1 })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
      message: '2 x 1 pixels of 4 channels are 8 bytes, not 6',
    }));
});

test('raw pixels of a Buffer stay as they are', async () => {
  const data = Buffer.from([1, 2, 3, 4, 5, 6]);
  const decoded = await decodeImage({ data, width: 2, height: 1, channels: 3 });
  decoded.data.fill(0);
  expect([...data]).toEqual([1, 2, 3, 4, 5, 6]);
});

describe('refuses', () => {
  const folder = scratch('bad');
  const file = (name: string, content: Uint8Array | string) => {
    fs.writeFileSync(path.join(folder, name), content);
    return path.join(folder, name);
  };
  const invalid = (message: RegExp) => ({ code: 'ERR_INVALID_IMAGE', message: expect.stringMatching(message) });

  test('a missing file', () =>
    expect(decodeImage('/no/such.png')).rejects.toMatchObject(invalid(/no such image file: \/no\/such\.png/)));
  test('a folder', () => expect(decodeImage(folder)).rejects.toMatchObject(invalid(/is a folder/)));
  test('an empty file', () => expect(decodeImage(file('empty.png', ''))).rejects.toMatchObject(invalid(/is empty/)));
  test('empty bytes', () => expect(decodeImage(new Uint8Array())).rejects.toMatchObject(invalid(/is empty/)));
  test('text named .jpg', () =>
    expect(decodeImage(file('text.jpg', 'hello'))).rejects.toMatchObject(invalid(/not a JPEG, PNG/)));
  test('a truncated JPEG', () => {
    const whole = fs.readFileSync(fixture('rgb.jpg'));
    return expect(decodeImage(file('cut.jpg', whole.subarray(0, whole.length - 300)))).rejects.toMatchObject(
      invalid(/cut\.jpg cannot be decoded/),
    );
  });
  test('a truncated PNG', () => {
    const whole = fs.readFileSync(fixture('rgb16.png'));
    return expect(decodeImage(file('cut.png', whole.subarray(0, whole.length / 2)))).rejects.toMatchObject(
      invalid(/cut\.png cannot be decoded/),
    );
  });
  test('a PNG of 40000 x 40000 pixels, without decoding it', async () => {
    const bomb = Buffer.from(fs.readFileSync(fixture('rgb.png')));
    bomb.writeUInt32BE(40000, 16);
    bomb.writeUInt32BE(40000, 20);
    const { crc32 } = await import('node:zlib').then((zlib) => zlib as unknown as { crc32?: (data: Buffer) => number });
    bomb.writeUInt32BE(crc32 ? crc32(bomb.subarray(12, 29)) : crc(bomb.subarray(12, 29)), 29);
    await expect(decodeImage(file('bomb.png', bomb))).rejects.toMatchObject(invalid(/more than 178956970 pixels/));
  });
  test.each([
    ['null', null],
    ['a number', 5],
    ['an empty object', {}],
    ['raw pixels of a wrong length', { data: new Uint8Array(5), width: 3, height: 2, channels: 3 }],
    ['raw pixels of two channels', { data: new Uint8Array(12), width: 3, height: 2, channels: 2 }],
    ['raw pixels of no width', { data: new Uint8Array(0), width: 0, height: 2, channels: 3 }],
  ])('%s', (_, input) => expect(decodeImage(input as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' }));
  test('an SVG, which libvips could draw', () =>
    expect(
      decodeImage(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')),
    ).rejects.toMatchObject(invalid(/not a JPEG, PNG/)));
  test('a picture of more than a million pixels on a side', () =>
    expect(
      decodeImage({ data: new Uint8Array(1_000_001), width: 1, height: 1_000_001, channels: 1 }),
    ).rejects.toMatchObject(invalid(/over the limit/)));
  test('another protocol', () =>
    expect(decodeImage(new URL('ftp://host/x.png'))).rejects.toMatchObject(invalid(/file:, http: and https:/)));
  test.each([
    ['no comma', 'data:image/png;base64', /no comma/],
    ['what is no base64', 'data:image/png;base64,iVBO!w0K', /the data: URL of 30 characters holds no valid base64/],
    ['a part of base64', 'data:image/png;base64,iVBOR', /no valid base64/],
    ['nothing', 'data:image/png;base64,', /is empty/],
    ['another picture', `data:image/png;base64,${Buffer.from('no picture').toString('base64')}`, /not a JPEG, PNG/],
  ])('a data URL with %s', (_, url, message) => expect(decodeImage(url)).rejects.toMatchObject(invalid(message)));
  test('bytes that were transferred', async () => {
    const { buffer } = new Uint8Array(fs.readFileSync(fixture('rgb.png')));
    structuredClone(buffer, { transfer: [buffer] });
    await expect(decodeImage(buffer)).rejects.toMatchObject(invalid(/the image of 0 bytes is empty/));
  });
  test.each([
    ['a long data URL', `data:image/png;base64,${'A'.repeat(100_000)}`],
    ['base64 that is no URL', 'A'.repeat(100_000)],
    ['a name that is too long', 'a'.repeat(5000)],
    ['bytes as text', fs.readFileSync(fixture('rgb.png'), 'latin1')],
    ['an URL that is long', `http://127.0.0.1:9/${'a'.repeat(5000)}`],
    ['another protocol', new URL(`blob:${'a'.repeat(5000)}`)],
  ])('%s, in a short message', async (_, input) => {
    const { code, message } = await decodeImage(input).catch((error) => error);
    expect(code).toBe('ERR_INVALID_IMAGE');
    expect(message.length).toBeLessThan(300);
  });
  test('anything once aborted, with the reason', () =>
    expect(decodeImage(fixture('rgb.png'), AbortSignal.abort(new Error('no')))).rejects.toThrow('no'));
});

/** CRC-32 of PNG, for Node versions whose zlib has none. */
function crc(data: Buffer): number {
  let c = 0xffffffff;
  for (const byte of data) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return (c ^ 0xffffffff) >>> 0;
}

describe('over http', () => {
  let server: http.Server;
  let base: string;

  beforeAll(async () => {
    server = http.createServer((request, response) => {
      const png = fs.readFileSync(fixture('rgb.png'));
      if (request.url === '/rgb.png') response.end(png);
      else if (request.url === '/moved') response.writeHead(302, { location: '/rgb.png' }).end();
      else if (request.url === '/announced')
        response.writeHead(200, { 'content-length': FETCH_LIMIT_BYTES + 1 }).write('x');
      else if (request.url === '/endless') {
        const chunk = Buffer.alloc(1 << 20);
        const more = () => {
          while (!response.destroyed && response.write(chunk));
        };
        response.on('drain', more);
        more();
      } else if (request.url === '/broken') {
        response.writeHead(200, { 'content-length': png.length }).write(png.subarray(0, 50));
        setTimeout(() => response.destroy(), 20);
      } else if (request.url === '/silent') {
        // never answers
      } else response.writeHead(404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  test.each(['/rgb.png', '/moved'])('%s gives the picture', async (url) => {
    expect((await decodeImage(base + url)).width).toBe(41);
    expect((await decodeImage(new URL(url, base))).height).toBe(27);
  });
  test.each([
    ['/none', /answered 404/],
    ['/announced', /larger than the limit of 64 MiB/],
    ['/endless', /larger than the limit of 64 MiB/],
    ['/broken', /terminated/],
  ])('%s is an error that says so', (url, message) =>
    expect(decodeImage(base + url)).rejects.toMatchObject({
      code: 'ERR_INVALID_IMAGE',
      message: expect.stringMatching(message),
    }),
  );
  test('a server that is not there is an error', () =>
    expect(decodeImage('http://127.0.0.1:9/x.png')).rejects.toMatchObject({ code: 'ERR_INVALID_IMAGE' }));
  test('an abort ends the wait with its reason', () =>
    expect(decodeImage(`${base}/silent`, AbortSignal.any([AbortSignal.timeout(50)]))).rejects.toMatchObject({
      name: 'TimeoutError',
    }));
});

test('a picture one pixel wide and a million tall is resized in little memory', async () => {
  const data = new Uint8Array(3_000_000).fill(100);
  const before = process.memoryUsage().rss;
  const resized = await native().resize(data, 1, 1_000_000, 112);
  expect(process.memoryUsage().rss - before).toBeLessThan(200 << 20);
  expect(new Set(resized)).toEqual(new Set([100]));
});

test('a conversion whose result cannot be delivered rejects', async () => {
  // JavaScript's own types do not know it: its bytes cannot be detached.
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Memory: new (size: { initial: number }) => { buffer: ArrayBuffer } };
  };
  const { buffer } = new WebAssembly.Memory({ initial: 1 });
  await expect(native().toRgb(new Uint8Array(buffer), 65536, 'grey')).rejects.toThrow();
});

describe('memory', () => {
  const folder = scratch('budget');
  const photo = path.join(folder, 'photo.png');
  const PHOTO_BYTES = 5000 * 4000 * 3;
  const ROOM = 192 << 20;
  beforeAll(() =>
    sharp({ create: { width: 5000, height: 4000, channels: 3, background: '#345' } })
      .png({ compressionLevel: 1 })
      .toFile(photo),
  );

  /** Decodes many pictures at once; `most` is how many bytes of pixels there were at a time. */
  async function decodeAll(inputs: ImageInput[], signal?: AbortSignal) {
    let now = 0;
    let most = 0;
    const order: number[] = [];
    const results = await Promise.allSettled(
      inputs.map((input, i) =>
        withImage(
          input,
          async ({ data }) => {
            order.push(i);
            now += data.length;
            most = Math.max(most, now);
            await new Promise((resolve) => setTimeout(resolve, 20));
            now -= data.length;
          },
          signal,
        ),
      ),
    );
    return { most, order, results };
  }

  test(
    'decoded pixels are bounded by their bytes, however many pictures are asked about',
    async () => {
      const { most, order, results } = await decodeAll(Array(20).fill(photo));
      expect(results.every(({ status }) => status === 'fulfilled')).toBe(true);
      expect([order.length, most <= ROOM, most >= PHOTO_BYTES]).toEqual([20, true, true]);
    },
    within(120_000),
  );

  test(
    'raw pixels count as well',
    async () => {
      const raw = { data: new Uint8Array(PHOTO_BYTES), width: 5000, height: 4000, channels: 3 as const };
      const { most, order } = await decodeAll(Array(8).fill(raw));
      expect([order.length, most <= ROOM]).toEqual([8, true]);
    },
    within(120_000),
  );

  test(
    'a picture larger than the room is decoded, alone',
    async () => {
      const large = { data: new Uint8Array(9000 * 9000), width: 9000, height: 9000, channels: 1 as const };
      const { order, results } = await decodeAll([photo, large, photo]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
      expect(order.length).toBe(3);
    },
    within(120_000),
  );

  test(
    'an abort while pictures wait for room rejects them with its reason, and the next ones have it',
    async () => {
      const abort = new AbortController();
      const many = decodeAll(Array(20).fill(photo), abort.signal);
      abort.abort(new Error('enough'));
      const { results } = await many;
      for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: { message: 'enough' } });
      expect((await decodeAll([photo])).order).toEqual([0]);
    },
    within(120_000),
  );
});
