import type { Benchmark } from '../benchmark.js';
import { COCO_PICTURES, type CocoCaptions, captionsByImage } from '../layout/coco.js';
import { hubData } from '../layout/hub.js';
import { captions } from '../measures/index.js';
import { captionPrompt } from '../prompts.js';
import { fineTuned, second } from '../published.js';

interface Karpathy {
  images: { filepath: string; filename: string; split: string; cocoid: number; sentences: { raw: string }[] }[];
}

interface Row {
  /** With the picture's name. */
  question_id: string;
  answer: string[];
}

const asked = (id: number, captions: string[]) => ({ id: String(id), prompt: captionPrompt(), targets: captions });

export const cocoCaptions: Benchmark = {
  name: 'coco-captions',
  title: 'COCO captions',
  sources: [
    {
      files: 'dataset_coco.json (splits karpathy-test, karpathy-val)',
      from: 'https://cs.stanford.edu/people/karpathy/deepimagesent/caption_datasets.zip',
    },
    { files: 'annotations/captions_SPLIT.json (splits val2014, val2017)', from: COCO_PICTURES },
    { files: 'val2014/ or val2017/', from: COCO_PICTURES },
  ],
  hub: hubData<Row>({
    ...{ repository: 'lmms-lab/COCO-Caption2017', files: { val2017: 'val' } },
    columns: ['question_id', 'answer'],
    question: ({ question_id, answer }) => asked(Number(/\d+(?=\D*$)/.exec(question_id)?.[0]), answer),
  }),
  splits: ['karpathy-test', 'karpathy-val', 'val2014', 'val2017'],
  prompt: 'caption en',
  request: { maxTokens: 32, numBeams: 2, locations: false },
  measure: captions,
  *questions(data, split) {
    if (split.startsWith('karpathy-')) {
      const wanted = split.slice('karpathy-'.length);
      for (const { filepath, filename, split: of, cocoid, sentences } of data.json<Karpathy>('dataset_coco.json')
        .images)
        if (of === wanted)
          yield {
            ...asked(
              cocoid,
              sentences.map(({ raw }) => raw),
            ),
            image: data.picture(filename, filepath),
          };
      return;
    }
    const name = `captions_${split}.json`;
    for (const { image, captions } of captionsByImage(data.json<CocoCaptions>(`annotations/${name}`, name)))
      yield { ...asked(image.id, captions), image: data.picture(image.file_name, split) };
  },
  published: [
    ...fineTuned({ 224: 141.9, 448: 144.6 }),
    ...second({ 224: [141.3, 143.7, 144], 448: [143.4, 145, 145.2] }),
  ],
};
