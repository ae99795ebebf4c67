import type { Benchmark } from '../benchmark.js';
import type { Box, TrueBox } from '../detection/match.js';
import { COCO_PICTURES, type CocoImage } from '../layout/coco.js';
import { boxes } from '../measures/boxes.js';

interface Instances {
  images: CocoImage[];
  annotations: { image_id: number; category_id: number; bbox: Box; area: number; iscrowd: 0 | 1 }[];
  categories: { id: number; name: string }[];
}

/** Every picture is asked for all categories: a question for those that are there would tell what is not. */
export const cocoDetection: Benchmark = {
  name: 'coco-detection',
  title: 'COCO detection',
  sources: [{ files: 'annotations/instances_SPLIT.json and SPLIT/', from: COCO_PICTURES }],
  splits: ['val2017', 'val2014'],
  prompt: 'detect {all categories, with " ; " between them}',
  request: { maxTokens: 512 },
  measure: boxes,
  *questions(data, split) {
    const name = `instances_${split}.json`;
    const { images, annotations, categories } = data.json<Instances>(`annotations/${name}`, name);
    const names = new Map(categories.map(({ id, name }) => [id, name]));
    const labels = [...names.values()];
    const truth = new Map<number, TrueBox[]>();
    for (const { image_id, category_id, bbox, area, iscrowd } of annotations) {
      const one = { label: names.get(category_id) ?? '', box: bbox, area, ...(iscrowd && { crowd: true }) };
      const there = truth.get(image_id);
      if (there) there.push(one);
      else truth.set(image_id, [one]);
    }
    // In the order in which COCO's evaluation takes them, which decides between equal scores.
    for (const { id, file_name } of images.toSorted((a, b) => a.id - b.id))
      yield { id: String(id), image: data.picture(file_name, split), labels, targets: truth.get(id) ?? [] };
  },
  published: [],
};
