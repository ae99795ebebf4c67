// Benchmarks of captions, boxes and masks from end to end, on small sets in their owners' layouts.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { runLengths } from '../../cli/evaluate/detection/polygons.js';
import { cider } from '../../cli/evaluate/metrics/index.js';
import { paligemma } from '../helpers/command.js';
import { scratch } from '../helpers/fixtures.js';
import { expectedText, maskOfFirst, numbered, Owner, SCENES, type Scene } from './owners.js';

const coco = (scene: Scene) => SCENES.indexOf(scene) + 100;
const caption = ({ objects }: Scene) => objects.map(({ label }) => `a ${label}`).join(' and ');
const references = (scene: Scene) => [caption(scene), `${caption(scene)} on ${scene.background}`];
const pictures = (owner: Owner, name: (scene: Scene) => string) => {
  for (const scene of SCENES) owner.picture(scene, name(scene));
};
/** A file of captions as COCO has them. */
const captionsFile = (name: (scene: Scene) => string) => ({
  images: SCENES.map((scene, i) => ({
    id: coco(scene),
    file_name: name(scene),
    domain: i % 2 ? 'in-domain' : 'out-domain',
  })),
  annotations: SCENES.flatMap((scene) => references(scene).map((text) => ({ image_id: coco(scene), caption: text }))),
});

async function evaluate(owner: Owner, ...args: string[]) {
  const output = path.join(scratch('predictions'), 'out.jsonl');
  const run = ['evaluate', ...args, '--model', 'embedded', '--data', owner.folder, '--output', output, '--json'];
  const { status, out, err } = await paligemma(...run);
  expect([status, err]).toEqual([0, expect.stringContaining('prompt: ')]);
  const lines = fs.readFileSync(output, 'utf8').trim().split('\n');
  const report = JSON.parse(out);
  const again = await paligemma('evaluate', args[0] as string, '--predictions', output, '--json');
  expect(JSON.parse(again.out).scores).toEqual(report.scores);
  return { report, lines: lines.map((line) => JSON.parse(line)).sort((a, b) => a.index - b.index) };
}

const CAPTIONS: Record<string, { args: string[]; make(owner: Owner): void }> = {
  'COCO captions, Karpathy': {
    args: ['coco-captions', '--split', 'karpathy-test'],
    make(owner) {
      const images = SCENES.map((scene) => ({
        ...{ filepath: 'val2014', filename: `COCO_val2014_${numbered(coco(scene))}.jpg`, cocoid: coco(scene) },
        ...{ split: 'test', sentences: references(scene).map((raw) => ({ raw })) },
      }));
      owner.json('dataset_coco.json', { images: [...images, { ...images[0], split: 'train', filename: 'none.jpg' }] });
      pictures(owner, (scene) => `val2014/COCO_val2014_${numbered(coco(scene))}.jpg`);
    },
  },
  'COCO captions, official': {
    args: ['coco-captions', '--split', 'val2017'],
    make(owner) {
      owner.json(
        'annotations/captions_val2017.json',
        captionsFile((scene) => `${numbered(coco(scene))}.jpg`),
      );
      pictures(owner, (scene) => `val2017/${numbered(coco(scene))}.jpg`);
    },
  },
  NoCaps: {
    args: ['nocaps'],
    make(owner) {
      owner.json(
        'nocaps_val_4500_captions.json',
        captionsFile((scene) => `${coco(scene)}.jpg`),
      );
      pictures(owner, (scene) => `val/${coco(scene)}.jpg`);
    },
  },
  TextCaps: {
    args: ['textcaps'],
    make(owner) {
      const data = SCENES.flatMap((scene) =>
        references(scene).map((text) => ({
          ...{ image_id: `t${coco(scene)}`, caption_str: text, reference_strs: references(scene) },
        })),
      );
      owner.json('TextCaps_0.1_val.json', { data });
      pictures(owner, (scene) => `train_images/t${coco(scene)}.jpg`);
    },
  },
};

test.each(Object.entries(CAPTIONS))('%s', async (_, { args, make }) => {
  const owner = new Owner();
  make(owner);
  const { report, lines } = await evaluate(owner, ...args);
  expect(lines.length).toBe(SCENES.length);
  for (const [i, { prompt, prediction, targets }] of lines.entries()) {
    expect([prompt, targets]).toEqual(['caption en', references(SCENES[i] as Scene)]);
    // Beams may find another one.
    if (!args.includes('coco-captions') && !args.includes('nocaps'))
      expect(prediction).toBe(expectedText((SCENES[i] as Scene).file, 'caption en'));
  }
  const { score } = cider(lines.map(({ prediction, targets }) => ({ caption: prediction, references: targets })));
  expect(report.scores.value).toBeCloseTo(score, 9);
  expect(score).toBeGreaterThan(0.5);
});

test('XM3600: each language with frequencies of its own, and the mean of the languages', async () => {
  const owner = new Owner();
  const inGerman = ({ file }: Scene) => [expectedText(file, 'caption de') as string, 'ein Bild'];
  const lines = SCENES.map((scene) =>
    JSON.stringify({
      ...{ 'image/key': `k${coco(scene)}`, 'image/locale': 'en' },
      ...{ en: { caption: references(scene) }, de: { caption: inGerman(scene), 'caption/tokenized': [] } },
    }),
  );
  owner.text('captions.jsonl', lines.join('\n'));
  pictures(owner, (scene) => `images/k${coco(scene)}.jpg`);
  const { report, lines: found } = await evaluate(owner, 'xm3600');
  expect(found.length).toBe(2 * SCENES.length);
  const of = (language: string) => {
    const own = found.filter(({ category }) => category === language);
    expect(new Set(own.map(({ prompt }) => prompt))).toEqual(new Set([`caption ${language}`]));
    return cider(own.map(({ prediction, targets }) => ({ caption: prediction, references: targets }))).score;
  };
  const [en, de] = [of('en'), of('de')];
  expect(report.scores.value).toBeCloseTo((en + de) / 2, 9);
  expect(report.scores.categories.en.value).toBeCloseTo(en, 9);
  expect(report.scores.categories.de.value).toBeCloseTo(de, 9);
});

test('COCO detection asks for all categories, in the order of the pictures', async () => {
  const owner = new Owner();
  const names = [...new Set(SCENES.flatMap(({ objects }) => objects.map(({ label }) => label)))].slice(0, 5);
  const images = SCENES.map((scene) => ({
    ...{ id: coco(scene), file_name: `${numbered(coco(scene))}.jpg`, width: scene.width, height: scene.height },
  }));
  const annotations = SCENES.flatMap((scene) =>
    scene.objects
      .filter(({ label }) => names.includes(label))
      .map(({ label, box: [y, x, y1, x1] }) => ({
        ...{ image_id: coco(scene), category_id: names.indexOf(label) + 1, bbox: [x, y, x1 - x, y1 - y] },
        ...{ area: (x1 - x) * (y1 - y), iscrowd: 0 },
      })),
  );
  const categories = names.map((name, i) => ({ id: i + 1, name }));
  owner.json('annotations/instances_val2017.json', { images: images.toReversed(), annotations, categories });
  pictures(owner, (scene) => `val2017/${numbered(coco(scene))}.jpg`);
  const { report, lines } = await evaluate(owner, 'coco-detection');
  expect(lines.map(({ id }) => id)).toEqual(images.map(({ id }) => String(id)));
  expect(lines[0].labels).toEqual(names);
  expect(lines[0].prediction[0]).toMatchObject({ label: expect.any(String), score: expect.any(Number) });
  // coco.test.ts holds the measure to pycocotools; here something must be found at all.
  expect(report.scores.others['AP at 0.5']).toBeGreaterThan(0.1);
});

test('RefCOCO: the bare expression, run lengths of the mask, and scores of boxes beside it', async () => {
  const owner = new Owner();
  const shapes = await Promise.all(
    SCENES.map(async (scene, i) => {
      const { data, width, height } = await maskOfFirst(scene);
      const columns = new Uint8Array(data.length);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++) columns[x * height + y] = (data[y * width + x] as number) > 127 ? 1 : 0;
      const [y0, x0, y1, x1] = (scene.objects[0] as Scene['objects'][number]).box;
      const segmentation = { size: [height, width], counts: runLengths(columns) };
      return { id: i + 1, image_id: coco(scene), bbox: [x0, y0, x1 - x0, y1 - y0], segmentation };
    }),
  );
  const images = SCENES.map((scene) => ({ id: coco(scene), width: scene.width, height: scene.height, file_name: '' }));
  owner.json('refcoco/instances.json', { images, annotations: shapes });
  const references = SCENES.map((scene, i) => ({
    ...{ ref_id: i, ann_id: i + 1, image_id: coco(scene), split: i === 0 ? 'train' : 'val' },
    sentences: [{ sent_id: i, sent: `segment ${scene.objects[0]?.label}` }],
  }));
  owner.json('refcoco/refs(unc).json', references);
  pictures(owner, (scene) => `train2014/COCO_train2014_${numbered(coco(scene))}.jpg`);
  const { report, lines } = await evaluate(owner, 'refcoco');
  expect(lines.length).toBe(SCENES.length - 1);
  for (const { prompt, prediction, score, detail, image } of lines) {
    const scene = SCENES[Number(/(\d+)\.jpg$/.exec(image)?.[1]) - 100] as Scene;
    expect(prompt).toBe(`segment ${scene.objects[0]?.label}`);
    expect(score).toBeGreaterThanOrEqual(0);
    const bins = [...prediction.matchAll(/<loc(\d{4})>/g)].slice(0, 4).map((match) => Number(match[1]) / 1023);
    const [y0, x0, y1, x1] = (scene.objects[0] as Scene['objects'][number]).box;
    const truth = [y0 / scene.height, x0 / scene.width, y1 / scene.height, x1 / scene.width];
    const [ay0, ax0, ay1, ax1] = bins as [number, number, number, number];
    const [by0, bx0, by1, bx1] = truth as [number, number, number, number];
    const both =
      Math.max(0, Math.min(ay1, by1) - Math.max(ay0, by0)) * Math.max(0, Math.min(ax1, bx1) - Math.max(ax0, bx0));
    const either = (ay1 - ay0) * (ax1 - ax0) + (by1 - by0) * (bx1 - bx0) - both;
    expect(detail.boxIou).toBeCloseTo(both / either, 6);
  }
  const scores: number[] = lines.map(({ score }) => score);
  expect(report.scores.value).toBeCloseTo(scores.reduce((sum, score) => sum + score, 0) / scores.length, 9);
  expect(report.scores.value).toBeGreaterThan(0.4);
});
