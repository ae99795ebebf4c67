// Pictures of what was found.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Detection, draw, type ImageInput, type Segment } from 'node-paligemma';
import { invalid } from 'node-paligemma/support';
import sharp from 'sharp';

/** Throws ERR_INVALID_ARGUMENT when a name to draw to says another format than PNG. */
export function checkDrawing(file: string | undefined): void {
  if (file !== undefined && path.extname(file).toLowerCase() !== '.png')
    throw invalid(`pictures are drawn as PNG: ${file} must end in .png`);
}

/** Draws over a picture, into a file; of several pictures, into a folder, by their names. */
export async function drawOver(
  target: string,
  name: string,
  image: ImageInput,
  found: Detection[],
  several: boolean,
): Promise<void> {
  if (several) await mkdir(target, { recursive: true });
  const file = several ? path.join(target, `${path.parse(name).name}.png`) : target;
  await writeFile(file, await draw(image, found));
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
