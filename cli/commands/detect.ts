import type { Command } from 'commander';
import type { Detection } from 'node-paligemma';
import { type CommonOptions, failWith, modelCommand, print, remark, withModel } from './common.js';
import { checkDrawing, drawTo } from './drawing.js';

export interface FindOptions extends CommonOptions {
  labels: string;
  draw?: string;
  /** Commander's name for `--no-constrained`. */
  constrained: boolean;
}

/** What `detect` and `segment` share. */
export const findCommand = (name: string): Command =>
  modelCommand(name)
    .argument('<image>', 'path or URL')
    .requiredOption('--labels <names>', 'what to look for, with ; between several: "cat ; dog"')
    .option('--draw <file>', 'draw what was found over the image, to a PNG file')
    .option('--no-constrained', 'let the model answer freely; what is not well formed is left out');

export function detectCommand(): Command {
  return findCommand('detect').description('find things by name, as boxes in pixels').action(run);
}

async function run(image: string, options: FindOptions): Promise<void> {
  const { labels, maxTokens, constrained } = options;
  await withModel(options, async (model) => {
    try {
      checkDrawing(options.draw);
      const detections = await model.detect(image, labels, { maxTokens, constrained });
      if (options.draw !== undefined) await drawTo(options.draw, image, detections);
      if (options.json) print(JSON.stringify({ image, detections }));
      else printObjects(detections);
    } catch (error) {
      failWith(options, { image }, error);
    }
  });
}

/** A line an object: label, score and box. */
export function printObjects(objects: Detection[]): void {
  if (objects.length === 0) remark('Nothing was found.');
  for (const { label, score, box } of objects) {
    const [xmin, ymin, xmax, ymax] = [box.xmin, box.ymin, box.xmax, box.ymax].map((value) => value.toFixed(1));
    print(`${label}  ${score.toFixed(3)}  x ${xmin} to ${xmax}, y ${ymin} to ${ymax}`);
  }
}
