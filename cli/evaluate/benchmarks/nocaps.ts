import type { Benchmark } from '../benchmark.js';
import { type CocoCaptions, captionsByImage } from '../layout/coco.js';
import { hubData } from '../layout/hub.js';
import { captions } from '../measures/index.js';
import { captionPrompt } from '../prompts.js';
import { fineTuned } from '../published.js';

interface Row {
  image_id: number;
  annotations_captions: string[];
  image_domain?: string;
}

const asked = (id: number, captions: string[], domain?: string) => ({
  ...{ id: String(id), prompt: captionPrompt(), targets: captions, category: domain },
});

/** Asked of a checkpoint that was fine-tuned on COCO's captions. */
export const nocaps: Benchmark = {
  name: 'nocaps',
  title: 'NoCaps',
  sources: [
    { files: 'nocaps_val_4500_captions.json', from: 'https://nocaps.org/download' },
    { files: 'val/ (its pictures by their file_name)', from: 'https://nocaps.org/download (of Open Images)' },
  ],
  hub: hubData<Row>({
    ...{ repository: 'lmms-lab/NoCaps', files: { val: 'validation' } },
    ...{ columns: ['image_id', 'annotations_captions'], optional: ['image_domain'] },
    question: (row) => asked(row.image_id, row.annotations_captions, row.image_domain),
  }),
  splits: ['val'],
  prompt: 'caption en',
  request: { maxTokens: 32, numBeams: 2, locations: false },
  measure: captions,
  *questions(data) {
    for (const { image, captions } of captionsByImage(data.json<CocoCaptions>('nocaps_val_4500_captions.json')))
      yield { ...asked(image.id, captions, image.domain), image: data.picture(image.file_name, 'val', 'images') };
  },
  published: fineTuned({ 224: 121.7, 448: 123.6 }),
};
