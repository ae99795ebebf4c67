import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Detection, draw, type ImageInput, type Segment } from 'node-paligemma';
import { invalid } from 'node-paligemma/support';

/** Throws ERR_INVALID_ARGUMENT when a name to draw to says another format than PNG. */
export function checkDrawing(file: string | undefined): void {
  if (file !== undefined && path.extname(file).toLowerCase() !== '.png')
    throw invalid(`pictures are drawn as PNG: ${file} must end in .png`);
}

export async function drawTo(file: string, image: ImageInput, objects: (Detection | Segment)[]): Promise<void> {
  await writeFile(file, await draw(image, objects));
}
