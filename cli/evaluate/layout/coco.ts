// What several benchmarks share that are built on COCO's pictures and files.
import type { DataFolder } from './data-folder.js';

export const COCO_PICTURES = 'https://cocodataset.org/#download';

/** COCO's number of a picture as its files have it: twelve digits. */
export const cocoNumber = (id: number | string): string => String(id).padStart(12, '0');

/** A picture of 2014 or 2017, by its number. */
export const cocoPicture = (data: DataFolder, id: number | string, part: string): string =>
  data.picture(part.endsWith('2014') ? `COCO_${part}_${cocoNumber(id)}.jpg` : `${cocoNumber(id)}.jpg`, part);

export interface CocoImage {
  id: number;
  file_name: string;
  width: number;
  height: number;
}

/** A file of captions: `images` and `annotations`. */
export interface CocoCaptions {
  images: (CocoImage & { domain?: string })[];
  annotations: { image_id: number; caption: string }[];
}

/** Each picture with all its captions, in the order of the pictures. */
export function captionsByImage({ images, annotations }: CocoCaptions) {
  const captions = new Map<number, string[]>();
  for (const { image_id, caption } of annotations) captions.set(image_id, [...(captions.get(image_id) ?? []), caption]);
  return images.map((image) => ({ image, captions: captions.get(image.id) ?? [] }));
}
