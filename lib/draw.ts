import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { PaliGemmaError } from './errors.js';
import { decodeImage, type ImageInput } from './image.js';
import type { Detection } from './tasks/detect.js';
import type { Segment } from './tasks/segment.js';

/** Colours that stay apart from each other and from most pictures: Okabe and Ito's, the dark ones left out. */
const COLOURS = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#d55e00', '#cc79a7', '#0072b2'] as const;

/**
 * Draws boxes, labels and, for segments, translucent masks over a picture. Every label has its own colour; boxes have a dark
 * rim and labels a plate, so that they can be read on any picture.
 * @returns PNG, as large as the picture
 */
export async function draw(image: ImageInput, objects: (Detection | Segment)[]): Promise<Buffer> {
  const { data, width, height } = await decodeImage(image);
  const labels = [...new Set(objects.map((object) => object.label))];
  const colour = (label: string) => COLOURS[labels.indexOf(label) % COLOURS.length] as string;
  const layers = objects.filter(isSegment).map((segment) => maskLayer(segment, colour(segment.label)));
  const svg = Buffer.from(overlay(objects, width, height, colour));
  return sharp(data, { raw: { width, height, channels: 3 } })
    .composite([...layers, { input: svg }])
    .png()
    .toBuffer();
}

/** Draws to a PNG file. Throws ERR_INVALID_ARGUMENT when the name says another format. */
export async function drawTo(file: string, image: ImageInput, objects: (Detection | Segment)[]): Promise<void> {
  if (path.extname(file).toLowerCase() !== '.png')
    throw new PaliGemmaError('ERR_INVALID_ARGUMENT', `pictures are drawn as PNG: ${file} must end in .png`);
  await writeFile(file, await draw(image, objects));
}

const isSegment = (object: Detection | Segment): object is Segment => 'mask' in object;

function maskLayer({ mask }: Segment, colour: string) {
  const rgb = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  const pixels = new Uint8Array(mask.data.length * 4);
  for (const [i, value] of mask.data.entries()) pixels.set([...rgb, value === 0 ? 0 : 120], i * 4);
  return { input: Buffer.from(pixels.buffer), raw: { width: mask.width, height: mask.height, channels: 4 as const } };
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

const escapeXml = (text: string) => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
