import type { Benchmark } from '../benchmark.js';
import { hubData } from '../layout/hub.js';
import { captions } from '../measures/index.js';
import { captionPrompt } from '../prompts.js';

interface Captioned {
  image_id: string;
  caption_str?: string;
  /** All captions of the picture. */
  reference_strs?: string[];
}

interface Row {
  image_id: string;
  caption_str: string[];
}

const asked = (id: string, captions: string[]) => ({ id, prompt: captionPrompt(), targets: captions });

export const textcaps: Benchmark = {
  name: 'textcaps',
  title: 'TextCaps',
  sources: [
    {
      files: 'TextCaps_0.1_val.json and train_images/ (its pictures too)',
      from: 'https://textvqa.org/textcaps/dataset/',
    },
  ],
  hub: hubData<Row>({
    ...{ repository: 'lmms-lab/TextCaps', files: { val: 'val' } },
    columns: ['image_id', 'caption_str'],
    question: ({ image_id, caption_str }) => asked(image_id, caption_str),
  }),
  splits: ['val'],
  prompt: 'caption en',
  request: { maxTokens: 100, locations: false },
  measure: captions,
  *questions(data) {
    // A picture comes once a caption, with all of them each time.
    const references = new Map<string, string[]>();
    for (const { image_id, caption_str, reference_strs } of data.json<{ data: Captioned[] }>('TextCaps_0.1_val.json')
      .data)
      references.set(image_id, reference_strs ?? [...(references.get(image_id) ?? []), caption_str ?? '']);
    for (const [id, targets] of references)
      yield {
        ...asked(id, targets),
        image: data.picture(`${id}.jpg`, 'train_images', 'train_val_images/train_images'),
      };
  },
  published: [],
};
