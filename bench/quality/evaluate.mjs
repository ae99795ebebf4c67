#!/usr/bin/env node
// Accuracy of model folders on freshly composed emoji scenes, task by task, as the model's metrics.json counts it.
//
//   node bench/quality/evaluate.mjs SCENES_DIR MODEL_DIR...     (scenes by make_scenes.py; build the package first)
import fs from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { modelInfo, PaliGemma } from '../../dist/index.js';

const [scenes, ...models] = process.argv.slice(2);
const questions = JSON.parse(fs.readFileSync(path.join(scenes, 'questions.json'), 'utf8'));
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

const overlap = (a, b) => {
  const [h, w] = [Math.min(a[2], b[2]) - Math.max(a[0], b[0]), Math.min(a[3], b[3]) - Math.max(a[1], b[1])];
  const both = Math.max(h, 0) * Math.max(w, 0);
  const area = (r) => Math.max(r[2] - r[0], 0) * Math.max(r[3] - r[1], 0);
  return both / Math.max(area(a) + area(b) - both, 1e-9);
};
const corners = ({ box }) => [box.ymin, box.xmin, box.ymax, box.xmax];
const labelsOf = (prompt) => prompt.replace(/^(detect|segment) /, '');

/** Objects that the expected answer names, with their boxes in pixels. */
function wanted({ prompt, objects }) {
  const labels = labelsOf(prompt).split(' ; ');
  return labels.flatMap((label) => objects.filter((object) => object.label === label));
}

async function exact(model, question) {
  const { text } = await model.generate({ prompt: question.prompt, images: [path.join(scenes, question.file)] });
  return text === question.answer ? 1 : 0;
}

async function detection(model, asked) {
  let [hits, extra, missed] = [0, 0, 0];
  for (const question of asked) {
    const left = wanted(question);
    for (const found of await model.detect(path.join(scenes, question.file), labelsOf(question.prompt))) {
      const at = left.findIndex(({ label, box }) => label === found.label && overlap(corners(found), box) >= 0.5);
      if (at >= 0) left.splice(at, 1);
      if (at >= 0) hits++;
      else extra++;
    }
    missed += left.length;
  }
  return (2 * hits) / Math.max(2 * hits + extra + missed, 1);
}

async function segmentation(model, asked) {
  const boxes = [];
  const masks = [];
  for (const question of asked) {
    const found = await model.segment(path.join(scenes, question.file), labelsOf(question.prompt));
    // The expected answer names at most two objects.
    for (const truth of wanted(question).slice(0, 2)) {
      const near = found.toSorted((a, b) => overlap(corners(b), truth.box) - overlap(corners(a), truth.box))[0];
      boxes.push(near ? overlap(corners(near), truth.box) : 0);
      masks.push(near ? await maskOverlap(question, truth, near.mask) : 0);
    }
  }
  return { box: mean(boxes), mask: mean(masks) };
}

async function maskOverlap(question, truth, mask) {
  const file = path.join(scenes, question.file.replace('.png', `-mask-${question.objects.indexOf(truth)}.png`));
  const expected = await sharp(file).extractChannel(0).raw().toBuffer();
  let [both, either] = [0, 0];
  for (const [i, value] of mask.data.entries()) {
    const [a, b] = [value > 127, expected[i] > 127];
    if (a && b) both++;
    if (a || b) either++;
  }
  return both / Math.max(either, 1);
}

const rows = [];
for (const folder of models) {
  const model = await PaliGemma.load(folder);
  const of = (task) => questions.filter((question) => question.task === task);
  const percent = (share) => (100 * share).toFixed(1);
  const exactly = async (task) => {
    const right = [];
    for (const question of of(task)) right.push(await exact(model, question));
    return percent(mean(right));
  };
  const segments = await segmentation(model, of('segment'));
  rows.push({
    model: path.basename(folder),
    MB: ((await modelInfo(folder)).memory.weights / 1e6).toFixed(1),
    caption: await exactly('caption'),
    answer: await exactly('answer'),
    'detect F1': percent(await detection(model, of('detect'))),
    'segment box IoU': percent(segments.box),
    'segment mask IoU': percent(segments.mask),
    ocr: await exactly('ocr'),
  });
  await model.dispose();
}
console.table(rows);
