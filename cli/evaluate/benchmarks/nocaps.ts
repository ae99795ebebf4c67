import type { Benchmark } from '../benchmark.js';
import { type CocoCaptions, captionsByImage } from '../layout/coco.js';
import { captions } from '../measures/index.js';
import { captionPrompt } from '../prompts.js';
import { fineTuned } from '../published.js';

/** Asked of a checkpoint that was fine-tuned on COCO's captions. */
export const nocaps: Benchmark = {
  name: 'nocaps',
  title: 'NoCaps',
  sources: [
    { files: 'nocaps_val_4500_captions.json', from: 'https://nocaps.org/download' },
    { files: 'val/ (its pictures by their file_name)', from: 'https://nocaps.org/download (of Open Images)' },
  ],
  splits: ['val'],
  prompt: 'caption en',
  request: { maxTokens: 32, numBeams: 2, locations: false },
  measure: captions,
  *questions(data) {
    for (const { image, captions } of captionsByImage(data.json<CocoCaptions>('nocaps_val_4500_captions.json')))
      yield {
        id: String(image.id),
        prompt: captionPrompt(),
        image: data.picture(image.file_name, 'val', 'images'),
        targets: captions,
        category: image.domain,
      };
  },
  published: fineTuned({ 224: 121.7, 448: 123.6 }),
};
