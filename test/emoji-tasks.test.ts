// Every task of the model card on the emoji model, against the reference's answers and masks.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { readNpz } from '../lib/checkpoint/npz.js';
import { convert, draw, type Mask, PaliGemma } from '../lib/index.js';
import { converted, EMBEDDED, emoji, PICTURE, readFloats, readJson, scratch } from './helpers/fixtures.js';

interface Answer {
  file: string;
  prompt: string;
  text: string;
  smallest_margin: number;
  masks?: { label: string; file: string }[];
}
const answers: Answer[] = readJson(emoji('expected.json'));
const asked = (task: string) => answers.filter(({ prompt }) => prompt.startsWith(task));
const scene = (file: string) => emoji('scenes', file);

let model: PaliGemma;
beforeAll(async () => {
  const folder = scratch('emoji-f32');
  await convert(emoji('checkpoint'), folder, { quantization: 'f32', maskDecoder: emoji('vae-emoji.npz') });
  model = await PaliGemma.load(folder);
});
afterAll(() => model.dispose());

/** Locations of an answer's text: y0 x0 y1 x1 an object. */
const bins = (text: string) => [...text.matchAll(/<loc(\d{4})>/g)].map((match) => Number(match[1]));

describe('answers of the reference', () => {
  test.each(asked('answer'))('$file: $prompt', async ({ file, prompt, text, smallest_margin }) => {
    const found = await model.answer(scene(file), prompt.replace('answer en ', ''));
    if (smallest_margin > 0.004) expect(found).toBe(text);
  });
  test.each(asked('caption'))('$file: $prompt', async ({ file, prompt, text, smallest_margin }) => {
    const found = await model.caption(scene(file), { language: prompt.replace('caption ', '') });
    if (smallest_margin > 0.004) expect(found).toBe(text);
  });
  test.each(asked('ocr'))('$file: $prompt', async ({ file, text }) => expect(await model.read(scene(file))).toBe(text));

  test.each(asked('detect'))('$file: $prompt', async ({ file, prompt, text, smallest_margin }) => {
    const { width = 0, height = 0 } = await sharp(scene(file)).metadata();
    const found = await model.detect(scene(file), prompt.replace('detect ', ''));
    const expected = text.split(' ; ').map((object) => ({ label: object.split('> ').at(-1), at: bins(object) }));
    expect(found.map(({ label }) => label)).toEqual(expected.map(({ label }) => label));
    const within = smallest_margin > 0.004 ? 0.01 : 1.01; // bins
    for (const [i, { box }] of found.entries()) {
      const at = [box.ymin / height, box.xmin / width, box.ymax / height, box.xmax / width].map(
        (share) => share * 1023,
      );
      for (const [k, bin] of at.entries()) expect(Math.abs(bin - (expected[i]?.at[k] as number))).toBeLessThan(within);
    }
  });

  test.each(asked('segment'))('$file: $prompt', async ({ file, prompt, masks = [] }) => {
    const found = await model.segment(scene(file), prompt.replace('segment ', ''));
    expect(found.map(({ label }) => label)).toEqual(masks.map(({ label }) => label));
    for (const [i, segment] of found.entries()) {
      const mask = segment.mask as Mask;
      const { data, info } = await sharp(emoji('masks', path.basename(masks[i]?.file as string)))
        .extractChannel(0)
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect([mask.width, mask.height]).toEqual([info.width, info.height]);
      let both = 0;
      let either = 0;
      for (const [k, value] of mask.data.entries()) {
        const [a, b] = [value > 127, (data[k] as number) > 127];
        if (a && b) both++;
        if (a || b) either++;
      }
      expect(both / either).toBeGreaterThan(0.99);
    }
  });
});

describe('the mask decoder', () => {
  test("computes the reference's values", async () => {
    const codes: number[][] = readJson(emoji('expected-masks', 'codes.json'));
    const expected = readFloats(emoji('expected-masks', 'decoded.f32'));
    const values = await model.decodeMasks(codes);
    expect(values).toHaveLength(expected.length);
    let worst = 0;
    for (const [i, value] of values.entries()) worst = Math.max(worst, Math.abs(value - (expected[i] as number)));
    expect(worst).toBeLessThan(1e-4);
  });

  test('gives many masks as it gives each, and none of none', async () => {
    const codes: number[][] = readJson(emoji('expected-masks', 'codes.json'));
    const all = await model.decodeMasks(codes);
    const each = await Promise.all(codes.map((one) => model.decodeMasks([one])));
    expect(Buffer.concat(each.map((one) => Buffer.from(one.buffer, one.byteOffset, one.byteLength)))).toEqual(
      Buffer.from(all.buffer, all.byteOffset, all.byteLength),
    );
    expect(await model.decodeMasks([])).toEqual(new Float32Array(0));
  });

  test.each([
    ['nothing', undefined],
    ['a number', 5],
    ['one mask that is in no list', Array(16).fill(1)],
    ['fifteen codes', [Array(15).fill(1)]],
    ['seventeen codes', [Array(17).fill(1)]],
    ['a code too large', [Array(16).fill(128)]],
    ['a negative code', [Array(16).fill(-1)]],
    ['a code that is not whole', [Array(16).fill(0.5)]],
    ['holes', [new Array(16)]],
    ['texts', [Array(16).fill('1')]],
  ])('refuses %s as codes', async (_, codes) => {
    await expect(model.decodeMasks(codes as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });

  test('is read from an .npz, and anything else is refused', async () => {
    expect([
      ...(await readNpz(emoji('vae-emoji.npz'), (name) => ['decoder.0.bias', 'none'].includes(name))).keys(),
    ]).toEqual(['decoder.0.bias']);
    const target = scratch('masks');
    const refused = (file: string, code: string, message: RegExp) =>
      expect(convert(emoji('checkpoint'), target, { maskDecoder: file })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    await refused('/no/such.npz', 'ERR_MODEL_NOT_FOUND', /cannot be opened/);
    await refused(PICTURE, 'ERR_INVALID_MODEL', /\.npz/);
    const cut = path.join(target, 'cut.npz');
    fs.writeFileSync(cut, fs.readFileSync(emoji('vae-emoji.npz')).subarray(0, 100_000));
    await refused(cut, 'ERR_INVALID_MODEL', /\.npz/);
    const broken = fs.readFileSync(emoji('vae-emoji.npz'));
    const at = broken.indexOf("'shape': (128, 512)");
    broken.write("'shape': (512, 128)", at);
    fs.writeFileSync(cut, broken);
    await refused(cut, 'ERR_INVALID_MODEL', /_vq_vae\._embedding is \[512,128\], expected \[128,512\]/);
    expect(fs.readdirSync(target)).toEqual(['cut.npz']);
  });

  test('missing: boxes still come', async () => {
    await using plain = await PaliGemma.load(await converted(emoji('checkpoint'), 'f16'));
    expect(plain.info.maskDecoder).toBe(false);
    expect(await plain.detect(PICTURE, 'owl')).toMatchObject([{ label: 'owl' }]);
    expect(await plain.segment(PICTURE, 'owl')).toMatchObject([{ label: 'owl', box: {}, mask: null }]);
    await expect(plain.decodeMasks([Array(16).fill(0)])).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED_MODEL',
      message: expect.stringContaining('--mask-decoder'),
    });
    await plain.dispose();
    await expect(plain.decodeMasks([Array(16).fill(0)])).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });
});

describe('detection', () => {
  test('of what is not there finds nothing or something else by its asked name', async () => {
    for (const { label } of await model.detect(PICTURE, ['rocket', 'submarine']))
      expect(['rocket', 'submarine']).toContain(label);
  });
  test('has room for several objects also when maxTokens is given as undefined', async () => {
    const label = '漢'.repeat(28); // bytes: many tokens
    const open = await model.segment(PICTURE, label, { temperature: 20, seed: 1 });
    expect(await model.segment(PICTURE, label, { temperature: 20, seed: 1, maxTokens: undefined })).toEqual(open);
  });
  test('takes labels as an array or a text, trimmed', async () => {
    const found = await model.detect(PICTURE, ' owl ; cat ;');
    expect(found.map(({ label }) => label).sort()).toEqual(['cat', 'owl']);
    expect(await model.detect(PICTURE, ['owl', 'cat'])).toEqual(found);
  });
  test.each([[''], [[]], [' ; '], [[5]], ['a<loc0001>'], [null]])('refuses %j as labels', async (labels) => {
    await expect(model.detect(PICTURE, labels as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  });
  test('gives boxes of the upright picture', async () => {
    const turned = path.join(scratch('exif'), 'turned.jpg');
    await sharp(PICTURE).rotate(90).withMetadata({ orientation: 8 }).jpeg({ quality: 100 }).toFile(turned);
    const [upright, exif] = await Promise.all([model.detect(PICTURE, 'owl'), model.detect(turned, 'owl')]);
    for (const side of ['xmin', 'ymin', 'xmax', 'ymax'] as const)
      expect(Math.abs((exif[0]?.box[side] as number) - (upright[0]?.box[side] as number))).toBeLessThan(8);
  });
  test('is not changed by its constraint where it is well formed', async () => {
    for (const { file, prompt } of asked('detect')) {
      const labels = prompt.replace('detect ', '');
      const [constrained, free] = [
        await model.detect(scene(file), labels),
        await model.detect(scene(file), labels, { constrained: false }),
      ];
      // Scores are added up from some logits and from all of them.
      expect(constrained).toEqual(free.map((object) => ({ ...object, score: expect.closeTo(object.score, 5) })));
    }
  });
  test('is well formed whatever is drawn', async () => {
    const labels = ['cat', 'cat food', 'Käse', 'owl'];
    const drawn = await Promise.all(
      Array.from({ length: 60 }, async (_, seed) => {
        const options = { temperature: 30, seed, maxTokens: 80 };
        return [await model.detect(PICTURE, labels, options), await model.segment(PICTURE, labels, options)] as const;
      }),
    );
    let objects = 0;
    for (const [detections, segments] of drawn) {
      for (const { label, box } of detections) {
        objects++;
        expect(labels).toContain(label);
        expect(box.xmax).toBeGreaterThan(box.xmin);
      }
      for (const { label, mask } of segments) {
        expect(labels).toContain(label);
        expect(mask?.data).toHaveLength(480 * 320);
      }
    }
    expect(objects).toBeGreaterThan(30);
  });
});

describe('multiple choice', () => {
  const question = {
    question: 'Which animal is in the picture?',
    choices: ['an owl', 'a fish', 'a dog'],
    context: 'A scene.',
  };
  test('scores every choice', async () => {
    const chosen = await model.choose(PICTURE, question, { score: true });
    expect(chosen.probabilities).toHaveLength(3);
    expect(chosen.probabilities?.reduce((a, b) => a + b)).toBeCloseTo(1);
    const best = chosen.probabilities?.indexOf(Math.max(...(chosen.probabilities ?? [])));
    expect(chosen).toMatchObject({ index: best, text: question.choices[best as number] });
  });
  test('gives the most probable one also where choices are letters', async () => {
    for (const choices of [
      ['C', 'A', 'B'],
      ['B', 'C', 'A'],
      ['b', 'a'],
    ]) {
      const { probabilities = [], ...chosen } = await model.choose(PICTURE, { ...question, choices }, { score: true });
      const best = probabilities.indexOf(Math.max(...probabilities));
      const letter = 'ABC'[best];
      expect(chosen).toEqual({ index: best, letter, text: choices[best], answer: `The answer is ${letter}.` });
    }
  });
  test('works without an image, and gives null for an answer that names no choice', async () => {
    const chosen = await model.choose(null, question);
    expect(chosen.probabilities).toBeUndefined();
    expect(chosen.index === null || chosen.text === question.choices[chosen.index]).toBe(true);
  });
  test.each([[{}], [{ question: 'x', choices: ['a'] }], [{ question: '', choices: ['a', 'b'] }], [null]])(
    'refuses %j',
    (bad) => expect(model.choose(PICTURE, bad as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENT' }),
  );
});

const ffmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
const withFfmpeg = ffmpeg ? describe : describe.skip;

withFfmpeg('videos (ffmpeg)', () => {
  const folder = scratch('video');
  const video = path.join(folder, 'moving.mp4');

  beforeAll(() => {
    // Five seconds: the scene slides from left to right, losslessly, so that its frames can be compared.
    const filter = "[0]scale=480:320,setsar=1[a];[1][a]overlay=x='-60+24*t':y=0,format=yuv444p";
    execFileSync('ffmpeg', [
      '-v',
      'error',
      '-loop',
      '1',
      '-t',
      '5',
      '-i',
      PICTURE,
      '-f',
      'lavfi',
      '-t',
      '5',
      '-i',
      'color=c=green:s=480x320:r=10',
      '-filter_complex',
      filter,
      '-r',
      '10',
      '-c:v',
      'libx264',
      '-qp',
      '0',
      '-t',
      '5',
      '-y',
      video,
    ]);
  });

  test('get the caption that their frames get as an image array', async () => {
    const times = Array.from({ length: 8 }, (_, i) => ((i + 0.5) * 5) / 8);
    const frames = times.map((time, i) => {
      const file = path.join(folder, `frame-${i}.png`);
      execFileSync('ffmpeg', ['-v', 'error', '-ss', time.toFixed(6), '-i', video, '-frames:v', '1', '-y', file]);
      return file;
    });
    const caption = await model.captionVideo(video, { range: [0, 5] });
    expect(caption.length).toBeGreaterThan(0);
    expect(await model.captionVideo(frames)).toBe(caption);
    expect(await model.captionVideo(video, { frames: 1, range: [2, 3], question: 'how many owls are there?' })).toMatch(
      /^\d/,
    );
  });

  test('are read whatever their names, and to their end where they do not say how long they are', async () => {
    const caption = await model.captionVideo(video);
    const odd = path.join(folder, '12:30.mp4');
    fs.copyFileSync(video, odd);
    expect(await model.captionVideo(odd, { range: [0, 100] })).toBe(caption);
    const endless = path.join(folder, 'live.webm');
    execFileSync('ffmpeg', ['-v', 'error', '-i', video, '-c:v', 'libvpx', '-live', '1', '-y', endless]);
    expect((await model.captionVideo(endless)).length).toBeGreaterThan(0);
  });

  test.each([
    ['a missing file', '/no/such.mp4', {}, 'ERR_INVALID_IMAGE', /no such video/],
    [
      'what is no video',
      PICTURE.replace('images/owl-and-cat.png', 'images/README.md'),
      {},
      'ERR_INVALID_IMAGE',
      /not a video/,
    ],
    ['a missing ffmpeg', video, { ffmpeg: '/no/ffmpeg' }, 'ERR_INVALID_IMAGE', /cannot be run: install it/],
    ['too many frames', video, { frames: 17 }, 'ERR_INVALID_ARGUMENT', /1 to 16/],
    ['a range backwards', video, { range: [3, 2] }, 'ERR_INVALID_ARGUMENT', /range/],
    ['a range past the end', video, { range: [60, 61] }, 'ERR_INVALID_IMAGE', /seconds long/],
    ['no frames', [], {}, 'ERR_INVALID_ARGUMENT', /at least one/],
  ])('refuse %s', (_, input, options, code, message) =>
    expect(model.captionVideo(input as never, options as never)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    }),
  );
});

test('options that are none are refused with a code by every task', async () => {
  const invalid = { code: 'ERR_INVALID_ARGUMENT' };
  const none = null as never;
  await expect(model.detect(PICTURE, 'owl', none)).rejects.toMatchObject(invalid);
  await expect(model.segment(PICTURE, 'owl', none)).rejects.toMatchObject(invalid);
  await expect(model.choose(PICTURE, { question: 'q', choices: ['a', 'b'] }, none)).rejects.toMatchObject(invalid);
  await expect(model.captionVideo([PICTURE], none)).rejects.toMatchObject(invalid);
  await expect(model.captionVideo([PICTURE], { ffmpeg: 5 as never })).rejects.toMatchObject(invalid);
  await expect(model.score(none)).rejects.toMatchObject(invalid);
  await expect(model.generate({ prompt: 'x', numBeams: 2, lengthPenalty: -100 })).rejects.toMatchObject(invalid);
});

test('labels that XML cannot hold are drawn all the same', async () => {
  const box = { xmin: 10, ymin: 10, xmax: 50, ymax: 50 };
  const drawn = await draw(PICTURE, [{ label: 'a\u0001<b>&"\ud800 猫', score: 0.5, box }]);
  expect((await sharp(drawn).metadata()).width).toBe(480);
});

test('beam search keeps to a memory that grows with its tokens, and says when there is too little', async () => {
  await using embedded = await PaliGemma.load(EMBEDDED);
  const request = { prompt: 'caption en', images: [PICTURE], numBeams: 32, maxTokens: 900 };
  expect((await embedded.generate(request)).text).toMatch(/owl/);
});

test('fewer frames than asked for are repeated from the start', async () => {
  await using embedded = await PaliGemma.load(EMBEDDED);
  const [a, b] = [PICTURE, scene('scene-07.jpg')];
  const repeated = await embedded.captionVideo([a, b], { frames: 5 });
  expect(repeated).toBe((await embedded.generate({ prompt: 'caption en', images: [a, b, a, b, a] })).text);
});

test('drawn pictures show boxes, labels and masks where the objects are', async () => {
  const segments = await model.segment(PICTURE, 'owl');
  const objects = [...segments, ...(await model.detect(PICTURE, 'cat'))];
  const drawn = sharp(await draw(PICTURE, objects));
  const { width, height } = await drawn.metadata();
  expect([width, height]).toEqual([480, 320]);
  const [before, after] = await Promise.all(
    [sharp(PICTURE), drawn].map((image) => image.removeAlpha().raw().toBuffer()),
  );
  const changed = (x: number, y: number) =>
    [0, 1, 2].some((c) => before?.[(y * 480 + x) * 3 + c] !== after?.[(y * 480 + x) * 3 + c]);
  for (const { box } of objects) {
    const [x, y] = [Math.round((box.xmin + box.xmax) / 2), Math.round(box.ymin)];
    expect([-1, 0, 1].some((d) => y + d >= 0 && changed(x, y + d))).toBe(true);
  }
  const inside = segments[0]?.mask?.data.findIndex((value, i) => value === 255 && i % 480 > 0) as number;
  expect(changed(inside % 480, Math.floor(inside / 480))).toBe(true);
  expect(changed(5, 5)).toBe(false);
  expect(changed(470, 310)).toBe(false);
});
