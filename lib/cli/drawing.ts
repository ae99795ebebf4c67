// Pictures of what was found.
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { drawTo } from '../draw.js';
import type { ImageInput } from '../image.js';
import type { Detection } from '../tasks/detect.js';
import type { Segment } from '../tasks/segment.js';

/** Draws over a picture, into a file; of several pictures, into a folder, by their names. */
export async function drawOver(
  target: string,
  name: string,
  image: ImageInput,
  found: Detection[],
  several: boolean,
): Promise<void> {
  if (!several) return drawTo(target, image, found);
  await mkdir(target, { recursive: true });
  await drawTo(path.join(target, `${path.parse(name).name}.png`), image, found);
}

/** One grey PNG a mask, 0 and 255, named after the image and the object's place. */
export async function writeMasks(folder: string, image: string, segments: Segment[]): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files: string[] = [];
  for (const [i, { mask }] of segments.entries()) {
    if (!mask) continue;
    const file = path.join(folder, `${path.parse(image).name}-${i}.png`);
    await sharp(mask.data, { raw: { width: mask.width, height: mask.height, channels: 1 } })
      .png()
      .toFile(file);
    files.push(file);
  }
  return files;
}
