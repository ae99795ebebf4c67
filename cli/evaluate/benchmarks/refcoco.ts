import type { Benchmark } from '../benchmark.js';
import type { Box } from '../detection/match.js';
import { maskOf, type RunLengths } from '../detection/polygons.js';
import { COCO_PICTURES, type CocoImage, cocoNumber } from '../layout/coco.js';
import type { DataFolder } from '../layout/data-folder.js';
import { masks } from '../measures/index.js';
import { fineTuned, second } from '../published.js';

interface Reference {
  ref_id: number;
  ann_id: number;
  image_id: number;
  split: string;
  sentences: { sent_id: number; sent: string }[];
}

interface Instances {
  images: CocoImage[];
  annotations: { id: number; image_id: number; bbox: Box; segmentation: number[][] | RunLengths }[];
}

/** Who split the expressions. */
const BY: Record<string, string> = { refcoco: 'unc', 'refcoco+': 'unc', refcocog: 'umd' };

const TO_JSON =
  'https://github.com/lichengunc/refer, each "refs(unc).p" made JSON with: python3 -c "import json, pickle, sys; ' +
  "json.dump(pickle.load(open(sys.argv[1], 'rb')), open(sys.argv[1][:-1] + 'json', 'w'))\" FILE.p";

const picture = (data: DataFolder, id: number): string =>
  data.picture(`COCO_train2014_${cocoNumber(id)}.jpg`, 'train2014', 'images/mscoco/images/train2014');

export const refcoco: Benchmark = {
  name: 'refcoco',
  title: 'RefCOCO, RefCOCO+ and RefCOCOg segmentation',
  sources: [
    { files: 'refcoco/refs(unc).json and refcoco/instances.json (also refcoco+; refcocog with umd)', from: TO_JSON },
    { files: 'train2014/', from: COCO_PICTURES },
  ],
  splits: [
    ...['refcoco', 'refcoco+'].flatMap((name) => ['val', 'testA', 'testB'].map((part) => `${name}/${part}`)),
    ...['val', 'test'].map((part) => `refcocog/${part}`),
  ],
  prompt: '{expression}',
  request: { maxTokens: 48, locations: true },
  measure: masks,
  *questions(data, split) {
    const [name = '', part] = split.split('/');
    const references = data.json<Reference[]>(`${name}/refs(${BY[name]}).json`);
    const { images, annotations } = data.json<Instances>(`${name}/instances.json`);
    const sizes = new Map(images.map((image) => [image.id, image]));
    const shapes = new Map(annotations.map((annotation) => [annotation.id, annotation]));
    for (const { ann_id, image_id, split: of, sentences } of references) {
      if (of !== part) continue;
      const [shape, size] = [shapes.get(ann_id), sizes.get(image_id)];
      if (!shape || !size) throw data.missing(`annotation ${ann_id} or picture ${image_id} in ${name}/instances.json`);
      const { width, height } = size;
      const [x, y, w, h] = shape.bbox;
      const mask = maskOf(shape.segmentation, height, width);
      for (const { sent_id, sent } of sentences)
        yield {
          id: String(sent_id),
          image: picture(data, image_id),
          ...{ question: sent, prompt: sent },
          targets: { height, width, mask, box: [y / height, x / width, (y + h) / height, (x + w) / width] },
        };
    }
  },
  published: [
    ...fineTuned({ 224: 73.4, 448: 75.6, 896: 76.9 }, { of: 'refcoco/val' }),
    ...fineTuned({ 224: 68.3, 448: 69.8, 896: 72.2 }, { of: 'refcoco+/val' }),
    ...fineTuned({ 224: 67.7, 448: 70.2, 896: 72.2 }, { of: 'refcocog/val' }),
    ...second({ 224: [73.4, 75.9, 75], 448: [76.3, 78.2, 77.3] }, { of: 'refcoco/val' }),
  ],
};
