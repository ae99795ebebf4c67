// Answers with their pictures, and the boxes that were found beside the true ones.
import sharp from 'sharp';
import { Pictures } from '../layout/pictures.js';
import type { Prediction } from '../predictions.js';
import { escaped } from './page.js';
import { shown } from './table.js';

const SHOWN = 24;
/** Pixels of the longer side of a picture in the page. */
const SIDE = 360;
const LONGEST = 400;

/** The worst ones, as HTML. A picture that is not there any more is left out. */
export async function worstAnswers(predictions: readonly Prediction[]): Promise<string> {
  const worst = predictions
    .filter(({ score = 0 }) => score < 1)
    .sort((a, b) => (a.score ?? 0) - (b.score ?? 0))
    .slice(0, SHOWN);
  const pictures = new Pictures();
  const figures: string[] = [];
  for (const prediction of worst) figures.push(await figureOf(prediction, pictures));
  return `<div class="answers">\n${figures.join('\n')}\n</div>`;
}

async function figureOf(prediction: Prediction, pictures: Pictures): Promise<string> {
  const { id, image, question, prompt, labels, targets, score, error } = prediction;
  const asked = question ?? prompt ?? labels?.join(' ; ');
  const answer = error ? `${error.code}: ${error.message}` : inWords(prediction.prediction);
  return `<figure>${image === undefined ? '' : await pictureOf(image, prediction, pictures)}<figcaption>
<p class="quiet">${escaped(id)} &middot; ${shown(score ?? 0)}</p><p>${escaped(inShort(asked))}</p>
<p class="answer">${escaped(inShort(answer))}</p><p class="wanted">${escaped(inShort(inWords(targets)))}</p>
</figcaption></figure>`;
}

async function pictureOf(image: string, prediction: Prediction, pictures: Pictures): Promise<string> {
  try {
    const file = await pictures.of(image);
    const { width, height, orientation = 1 } = await sharp(file).metadata();
    const [w, h] = orientation > 4 ? [height, width] : [width, height];
    const small = await sharp(file)
      .autoOrient()
      .resize(SIDE, SIDE, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality: 75 })
      .toBuffer();
    const picture = `<img alt="" src="data:image/webp;base64,${small.toString('base64')}">`;
    return `<div class="picture">${picture}${overlay(prediction, w, h)}</div>`;
  } catch {
    return '';
  }
}

/** The pixels of a mask as the outline of its runs down the columns. */
function maskShape(targets: unknown): string {
  const { mask } = (targets ?? {}) as { mask?: { size: [number, number]; counts: number[] } };
  if (!mask) return '';
  const [height] = mask.size;
  let [at, shape] = [0, ''];
  for (const [i, count] of mask.counts.entries()) {
    // A run may go on in the next column.
    for (let left = i % 2 === 1 ? count : 0, from = at; left > 0; ) {
      const length = Math.min(left, height - (from % height));
      shape += `M${Math.floor(from / height)} ${from % height}h1v${length}h-1z`;
      from += length;
      left -= length;
    }
    at += count;
  }
  return `<path d="${shape}" fill="#16a34a" fill-opacity=".45"/>`;
}

/** Left, top, width and height in pixels. */
type Rectangle = [number, number, number, number];

function overlay({ prediction, targets }: Prediction, width: number, height: number): string {
  const shapes = [
    maskShape(targets),
    ...trueBoxes(targets, width, height).map((box) => rectangle(box, '#16a34a', width)),
    ...foundBoxes(prediction, width, height).map((box) => rectangle(box, '#ea580c', width)),
  ];
  return `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none">${shapes.join('')}</svg>`;
}

const rectangle = ([x, y, w, h]: Rectangle, colour: string, width: number): string =>
  `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${w.toFixed(1)}" height="${h.toFixed(1)}" fill="none" stroke="${colour}" stroke-width="${(width / 120).toFixed(1)}"/>`;

function trueBoxes(targets: unknown, width: number, height: number): Rectangle[] {
  if (Array.isArray(targets)) return targets.flatMap((one) => (Array.isArray(one?.box) ? [one.box as Rectangle] : []));
  const { box } = (targets ?? {}) as { box?: [number, number, number, number] };
  if (!Array.isArray(box)) return [];
  const [y0, x0, y1, x1] = box;
  return [[x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height]];
}

const BINS = 1023;

function foundBoxes(prediction: unknown, width: number, height: number): Rectangle[] {
  if (Array.isArray(prediction))
    return prediction.flatMap(({ box }) =>
      box ? [[box.xmin, box.ymin, box.xmax - box.xmin, box.ymax - box.ymin] as Rectangle] : [],
    );
  const bins = [...String(prediction ?? '').matchAll(/<loc(\d{4})>/g)].map(([, bin]) => Number(bin) / BINS);
  return Array.from({ length: bins.length >> 2 }, (_, i) => {
    const [y0, x0, y1, x1] = bins.slice(4 * i) as Rectangle;
    return [x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height];
  });
}

/** Places and shapes in the model's words. */
const CODES = /<(?:loc|seg)\d+>\s*/g;

/** Of objects their labels: where they are is drawn. */
function inWords(value: unknown): string {
  if (Array.isArray(value)) {
    const words = value.map((one) => (typeof one === 'object' ? one?.label : one));
    return [...new Set(words.map(String))].join(' ; ') || 'nothing';
  }
  return typeof value === 'object' && value !== null ? '' : String(value ?? '').replace(CODES, '');
}

const inShort = (text: string | undefined = ''): string =>
  text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
