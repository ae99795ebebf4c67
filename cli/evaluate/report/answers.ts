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

/** Left, top, width and height in pixels. */
type Rectangle = [number, number, number, number];

function overlay({ prediction, targets }: Prediction, width: number, height: number): string {
  const boxes = [
    ...trueBoxes(targets, width, height).map((box) => rectangle(box, '#16a34a', width)),
    ...foundBoxes(prediction, width, height).map((box) => rectangle(box, '#ea580c', width)),
  ];
  if (boxes.length === 0) return '';
  return `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none">${boxes.join('')}</svg>`;
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

/** Of objects their labels: where they are is drawn. */
function inWords(value: unknown): string {
  if (Array.isArray(value)) {
    const words = value.map((one) => (typeof one === 'object' ? one?.label : one));
    return [...new Set(words.map(String))].join(' ; ') || 'nothing';
  }
  return typeof value === 'object' && value !== null ? '' : String(value ?? '');
}

const inShort = (text: string | undefined = ''): string =>
  text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
