import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { encodeMask, type Segment } from 'node-paligemma';
import sharp from 'sharp';
import { failWith, print, withModel } from './common.js';
import { type FindOptions, findCommand, printObjects } from './detect.js';
import { checkDrawing, drawTo } from './drawing.js';

interface Options extends FindOptions {
  masks?: string;
}

export function segmentCommand(): Command {
  return findCommand('segment')
    .description('find things by name, with their shapes')
    .option('--masks <folder>', 'write each mask as a PNG file, as large as the image')
    .action(run);
}

async function run(image: string, options: Options): Promise<void> {
  const { labels, maxTokens, constrained } = options;
  await withModel(options, async (model) => {
    try {
      checkDrawing(options.draw);
      const segments = await model.segment(image, labels, { maxTokens, constrained });
      const files = options.masks === undefined ? [] : await writeMasks(options.masks, image, segments);
      if (options.draw !== undefined) await drawTo(options.draw, image, segments);
      if (!options.json) return printObjects(segments);
      const described = segments.map(async ({ mask, ...rest }, i) => ({
        ...rest,
        mask: mask && (await encodeMask(mask)),
        file: files[i],
      }));
      print(JSON.stringify({ image, segments: await Promise.all(described) }));
    } catch (error) {
      failWith(options, { image }, error);
    }
  });
}

/** One grey PNG a mask, 0 and 255, named after the image and the object's place. */
async function writeMasks(folder: string, image: string, segments: Segment[]): Promise<string[]> {
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
