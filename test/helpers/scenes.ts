import fs from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { ROOT, scratch } from './fixtures.js';

/** A folder of so many small pictures, no two alike, with several captions among them: `000.png`, `001.png`, ... */
export async function manyScenes(count: number): Promise<string> {
  const folder = scratch('scenes');
  const images = path.join(ROOT, 'examples', 'images');
  const names = fs.readdirSync(images).filter((name) => /\.(png|jpg)$/.test(name));
  for (let i = 0; i < count; i++)
    await sharp(path.join(images, names[i % names.length] as string))
      .resize(112, 112, { fit: 'fill' })
      .modulate({ brightness: 1 - i / 4000 })
      .png({ compressionLevel: 1 })
      .toFile(path.join(folder, `${String(i).padStart(3, '0')}.png`));
  return folder;
}
