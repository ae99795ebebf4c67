// What a model may be made to read (`imageAccess`).
import { execFileSync, spawnSync } from 'node:child_process';
import dns from 'node:dns';
import fs from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Access, type ImageAccess } from '../lib/image/access.js';
import { decodeImage } from '../lib/image/decode.js';
import type { ImageInput } from '../lib/image/input.js';
import { isPublic } from '../lib/image/public-fetch.js';
import { PaliGemma } from '../lib/index.js';
import { EMBEDDED, FIXTURES, PICTURE, scratch } from './helpers/fixtures.js';

const SMALL = path.join(FIXTURES, 'images', 'rgb.png');
const BYTES = fs.readFileSync(SMALL);
const refused = (message: RegExp) => ({ code: 'ERR_INVALID_IMAGE', message: expect.stringMatching(message) });
const decoded = async (image: ImageInput, access: ImageAccess) =>
  decodeImage(image, undefined, await Access.open(access));

/** A root with a picture in it, beside a picture that is not. */
function place() {
  const folder = fs.realpathSync(scratch('access'));
  const root = path.join(folder, 'root');
  fs.mkdirSync(path.join(root, 'sub'), { recursive: true });
  const [inside, outside] = [path.join(root, 'sub', 'a.png'), path.join(folder, 'secret.png')];
  fs.copyFileSync(SMALL, inside);
  fs.copyFileSync(SMALL, outside);
  return { folder, root, inside, outside };
}

describe('a root', () => {
  const { folder, root, inside, outside } = place();
  const OUTSIDE = refused(/is not below .*root, and nothing else may be read/);
  const link = (name: string, target: string) => {
    fs.symlinkSync(target, path.join(root, name));
    return path.join(root, name);
  };

  test('lets in what is below it, by path, URL and links that stay there', async () => {
    const inner = link('inner.png', inside);
    for (const image of [inside, pathToFileURL(inside), String(pathToFileURL(inside)), inner])
      expect(await decoded(image, { root })).toMatchObject({ width: 41, height: 27 });
    fs.symlinkSync(root, path.join(folder, 'same'));
    expect(await decoded(inside, { root: path.join(folder, 'same') })).toMatchObject({ width: 41 });
    expect(await decoded(path.relative(process.cwd(), inside), { root })).toMatchObject({ width: 41 });
  });
  test('keeps out what is not, wherever links and dots lead', async () => {
    const ways = [
      outside,
      path.join(root, 'sub', '..', '..', 'secret.png'),
      `${root}/../secret.png`,
      String(pathToFileURL(outside)),
      `${root}-more/a.png`,
      link('leaving.png', outside),
      path.join(link('up', folder), 'secret.png'),
      root,
    ];
    for (const way of ways) await expect(decoded(way, { root })).rejects.toMatchObject(OUTSIDE);
  });
  test('says nothing of whether a file outside is there', async () => {
    await expect(decoded(path.join(folder, 'none.png'), { root })).rejects.toMatchObject(OUTSIDE);
    await expect(decoded(path.join(root, 'none.png'), { root })).rejects.toMatchObject(refused(/no such image file/));
  });
  test('is not left through a link that is put there after the look', async () => {
    const name = path.join(root, 'changing.png');
    fs.copyFileSync(SMALL, name);
    const access = await Access.open({ root });
    const { open } = fs.promises;
    // Between the look and the opening, as whoever can write there might.
    jest.spyOn(fs.promises, 'open').mockImplementationOnce((file, ...rest) => {
      fs.rmSync(name);
      fs.symlinkSync(outside, name);
      return open(file, ...rest);
    });
    await expect(access.read(name)).rejects.toMatchObject(refused(/is not below/));
    jest.restoreAllMocks();
  });
  test('does not wait for a pipe', async () => {
    const pipe = path.join(root, 'pipe.png');
    execFileSync('mkfifo', [pipe]);
    await expect(decoded(pipe, { root })).rejects.toMatchObject(refused(/is no file/));
  });
  test('must be a folder', async () => {
    for (const wrong of [inside, path.join(folder, 'none')])
      await expect(Access.open({ root: wrong })).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
        message: expect.stringMatching(/must be a folder/),
      });
  });
});

describe('a limit of bytes', () => {
  let server: http.Server;
  let url: string;
  beforeAll(async () => {
    server = http.createServer((_, response) => response.end(BYTES)).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.png`;
  });
  afterAll(() => void server.close());

  test('holds for files, URLs, bytes and Blobs, and not for raw pixels', async () => {
    const data = `data:image/png;base64,${BYTES.toString('base64')}`;
    const bytes = new Uint8Array(BYTES);
    const images = [SMALL, pathToFileURL(SMALL), url, data, bytes, bytes.buffer, new Blob([BYTES])];
    for (const image of images) {
      expect(await decoded(image, { maxBytes: BYTES.length })).toMatchObject({ width: 41 });
      await expect(decoded(image, { maxBytes: BYTES.length - 1 })).rejects.toMatchObject(
        refused(/larger than the limit of \d+ bytes/),
      );
    }
    const raw = { data: new Uint8Array(300), width: 10, height: 10, channels: 3 as const };
    expect(await decoded(raw, { maxBytes: 1 })).toMatchObject({ width: 10 });
  });
});

test('a data URL is neither a file nor fetched', async () => {
  const data = `data:image/png;base64,${BYTES.toString('base64')}`;
  expect(await decoded(data, { root: scratch('data'), publicUrlsOnly: true })).toMatchObject({ width: 41 });
});

describe('public URLs only', () => {
  let server: http.Server;
  let port: number;
  beforeAll(async () => {
    server = http
      .createServer((request, response) => {
        if (request.url === '/away') response.writeHead(302, { location: `http://inner.test:${port}/a.png` }).end();
        else response.end(BYTES);
      })
      .listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  afterEach(() => void jest.restoreAllMocks());

  /** Names resolve to these addresses, each time the next; and whatever is connected to is our server. */
  function internet(names: Record<string, string[]>) {
    const connected: string[] = [];
    const resolve = ((name: string, _: unknown, done: (error: null, found: dns.LookupAddress[]) => void) => {
      const [address = '', ...later] = names[name] ?? [];
      names[name] = later.length > 0 ? later : [address];
      process.nextTick(done, null, [{ address, family: 4 }]);
    }) as never;
    jest.spyOn(dns, 'lookup').mockImplementation(resolve);
    const { connect } = net;
    jest.spyOn(net, 'connect').mockImplementation(((options: net.TcpNetConnectOpts) =>
      connect({
        ...options,
        lookup: (host, wanted, done) =>
          (options.lookup as net.LookupFunction)(host, { ...wanted, all: true }, (error, found) => {
            if (error) return done(error, '', 0);
            connected.push(...(found as unknown as dns.LookupAddress[]).map(({ address }) => address));
            const ours = [{ address: '127.0.0.1', family: 4 }];
            (done as unknown as (error: null, found: dns.LookupAddress[]) => void)(null, ours);
          }),
        autoSelectFamily: true,
      })) as never);
    return connected;
  }

  test('fetch from a public address, and connect to the one that was checked', async () => {
    // A name that changes its address between a check and a connection gains nothing: there is one look, and it counts.
    const connected = internet({ 'rebinding.test': ['93.184.216.34', '127.0.0.1'] });
    const image = await decoded(`http://rebinding.test:${port}/a.png`, { publicUrlsOnly: true });
    expect(image).toMatchObject({ width: 41 });
    expect(connected).toEqual(['93.184.216.34']);
    await expect(decoded(`http://rebinding.test:${port}/a.png`, { publicUrlsOnly: true })).rejects.toMatchObject(
      refused(/rebinding\.test has a private address/),
    );
  });
  test('refuse a redirect to a private one', async () => {
    const connected = internet({ 'outer.test': ['93.184.216.34'], 'inner.test': ['10.0.0.1'] });
    await expect(decoded(`http://outer.test:${port}/away`, { publicUrlsOnly: true })).rejects.toMatchObject(
      refused(/inner\.test has a private address/),
    );
    expect(connected).toEqual(['93.184.216.34']);
  });
  test('refuse private ones by name and by number, and fetch them without the policy', async () => {
    for (const host of ['localhost', '127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1'])
      await expect(decoded(`http://${host}:${port}/a.png`, { publicUrlsOnly: true })).rejects.toMatchObject(
        refused(/private address/),
      );
    expect(await decoded(`http://127.0.0.1:${port}/a.png`, {})).toMatchObject({ width: 41 });
  });
  test('know which addresses are public', () => {
    for (const address of ['8.8.8.8', '2606:4700::1111']) expect(isPublic(address)).toBe(true);
    for (const address of [
      ...['10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0', '127.9.9.9'],
      ...['224.0.0.1', '255.255.255.255', '::', '::1', 'fe80::1', 'fd00::1', '::ffff:10.0.0.1', '64:ff9b::a00:1'],
      'nonsense',
    ])
      expect(isPublic(address)).toBe(false);
  });
});

describe('a model with imageAccess', () => {
  const { root, inside, outside } = place();
  let model: PaliGemma;
  beforeAll(async () => {
    model = await PaliGemma.load(EMBEDDED, {
      imageAccess: { root, maxBytes: fs.statSync(PICTURE).size, publicUrlsOnly: true },
    });
  });
  afterAll(() => model.dispose());

  test('holds every method to it', async () => {
    expect((await model.caption(inside)).length).toBeGreaterThan(0);
    const ways = [
      () => model.caption(outside),
      () => model.answer([inside, outside], 'how many?'),
      () => model.detect(outside, 'cat'),
      () => model.encode(outside),
      () => model.generate({ prompt: 'caption en', images: [outside] }),
      () => model.score({ prompt: 'caption en', images: [outside], answer: 'a cat' }),
      () => model.captionVideo([outside]),
      () => model.ask({ image: outside }),
    ];
    for (const way of ways) await expect(way()).rejects.toMatchObject(refused(/is not below/));
    await expect(model.caption('http://127.0.0.1:8099/a.png')).rejects.toMatchObject(refused(/private address/));
    await expect(model.caption(Buffer.alloc(1 << 20))).rejects.toMatchObject(refused(/larger than the limit/));
    const results = [];
    for await (const result of model.batch([outside, inside], { ordered: true })) results.push(result);
    expect(results).toMatchObject([{ error: { code: 'ERR_INVALID_IMAGE' } }, { text: expect.any(String) }]);
  });
  test('refuses a policy that is none', async () => {
    const wrong = [{ root: '' }, { maxBytes: 0 }, { maxBytes: 1.5 }, { publicUrlsOnly: 1 }, { maxSize: 5 }, 'public'];
    for (const imageAccess of [...wrong, { root: inside }])
      await expect(PaliGemma.load(EMBEDDED, { imageAccess: imageAccess as never })).rejects.toMatchObject({
        code: 'ERR_INVALID_ARGUMENT',
      });
  });

  const withFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0 ? test : test.skip;
  withFfmpeg('reads videos below the root that hold their own frames', async () => {
    const video = path.join(root, 'moving.mp4');
    const colour = ['-f', 'lavfi', '-i', 'color=c=green:s=64x64:r=5', '-t', '1'];
    execFileSync('ffmpeg', ['-v', 'error', ...colour, '-y', video]);
    expect((await model.captionVideo(video, { frames: 2 })).length).toBeGreaterThan(0);
    const elsewhere = path.join(path.dirname(root), 'moving.mp4');
    fs.copyFileSync(video, elsewhere);
    await expect(model.captionVideo(elsewhere)).rejects.toMatchObject(refused(/is not below/));
    // A playlist may lead out of the root, wherever it leads now.
    const list = path.join(root, 'list.m3u8');
    execFileSync('ffmpeg', ['-v', 'error', ...colour, '-f', 'hls', '-hls_time', '1', '-y', list]);
    await expect(model.captionVideo(list)).rejects.toMatchObject(refused(/not a video that ffmpeg can read/));
    const free = await PaliGemma.load(EMBEDDED);
    expect((await free.captionVideo(list, { frames: 2 })).length).toBeGreaterThan(0);
    await free.dispose();
  });
});
