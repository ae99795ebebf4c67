import sharp, { type OverlayOptions } from 'sharp';
import { withImage } from '../image/decode.js';
import type { ImageInput } from '../image/input.js';
import type { Detection } from './detect.js';
import type { Mask } from './rle.js';
import type { Segment } from './segment.js';

/** Colours that stay apart from each other and from most pictures: Okabe and Ito's, the dark ones left out. */
const COLOURS = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#d55e00', '#cc79a7', '#0072b2'] as const;

/** Of 255. */
const MASK_OPACITY = 120;

/**
 * Draws boxes, labels and, for segments, translucent masks over a picture. Every label has its own colour; boxes have a dark
 * rim and labels a plate, so that they can be read on any picture.
 * @returns PNG, as large as the picture
 */
export async function draw(image: ImageInput, objects: (Detection | Segment)[]): Promise<Buffer> {
  const labels = [...new Set(objects.map((object) => object.label))];
  const colour = (label: string) => COLOURS[labels.indexOf(label) % COLOURS.length] as string;
  return withImage(image, async ({ data, width, height }) => {
    const layers: OverlayOptions[] = [];
    for (const object of objects) {
      const layer = 'mask' in object && object.mask && (await maskLayer(object.mask, object.box, colour(object.label)));
      if (layer) layers.push(layer);
    }
    const svg = Buffer.from(overlay(objects, width, height, colour));
    return sharp(data, { raw: { width, height, channels: 3 } })
      .composite([...layers, { input: svg }])
      .png()
      .toBuffer();
  });
}

/** A mask as a coloured layer, cut to where it has pixels. Null: it has none. */
async function maskLayer({ data, width, height }: Mask, box: Detection['box'], colour: string) {
  const [left, top] = [Math.max(Math.floor(box.xmin), 0), Math.max(Math.floor(box.ymin), 0)];
  const [right, bottom] = [Math.min(Math.ceil(box.xmax), width), Math.min(Math.ceil(box.ymax), height)];
  const [across, down] = [right - left, bottom - top];
  if (across <= 0 || down <= 0) return null;
  const opacity = await sharp(data, { raw: { width, height, channels: 1 } })
    .extract({ left, top, width: across, height: down })
    .threshold(1)
    .linear(MASK_OPACITY / 255)
    .toColourspace('b-w')
    .raw()
    .toBuffer();
  const input = await sharp({ create: { width: across, height: down, channels: 3, background: colour } })
    .joinChannel(opacity, { raw: { width: across, height: down, channels: 1 } })
    .raw()
    .toBuffer();
  return { input, raw: { width: across, height: down, channels: 4 as const }, left, top };
}

function overlay(objects: Detection[], width: number, height: number, colour: (label: string) => string): string {
  const line = Math.max(2, Math.min(width, height) / 150);
  const size = Math.max(12, Math.min(width, height) / 22);
  const boxes = objects.map(({ box, label }) => {
    const at = `x="${box.xmin}" y="${box.ymin}" width="${box.xmax - box.xmin}" height="${box.ymax - box.ymin}" fill="none" stroke-linejoin="round"`;
    return `<rect ${at} stroke="#000" stroke-opacity="0.6" stroke-width="${line * 2}"/><rect ${at} stroke="${colour(label)}" stroke-width="${line}"/>`;
  });
  const plates = objects.map(({ box, label, score }) => {
    const text = `${label} ${score.toFixed(2)}`;
    // No font can be measured here: characters of a sans serif are about 0.6 of its size wide, those of Asian scripts 1.
    const wide =
      [...text].reduce((sum, c) => sum + ((c.codePointAt(0) as number) > 0x2e80 ? 1 : 0.6), 0) * size + size * 0.6;
    const tall = size * 1.4;
    const x = Math.max(0, Math.min(box.xmin, width - wide));
    const y = box.ymin >= tall ? box.ymin - tall : Math.min(box.ymin, height - tall);
    return (
      `<rect x="${x}" y="${y}" width="${wide}" height="${tall}" rx="${size * 0.2}" fill="#000" fill-opacity="0.75"/>` +
      `<rect x="${x}" y="${y}" width="${size * 0.22}" height="${tall}" fill="${colour(label)}"/>` +
      `<text x="${x + size * 0.45}" y="${y + tall * 0.72}" font-family="sans-serif" font-size="${size}" fill="#fff">${escapeXml(text)}</text>`
    );
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${boxes.join('')}${plates.join('')}</svg>`;
}

/** Text that XML may hold: what it may not, such as control characters, becomes U+FFFD. */
const escapeXml = (text: string) =>
  text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
