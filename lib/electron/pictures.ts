// Pictures as a page has them, made into what can be sent to the main process.
import { PaliGemmaError, reasonOf, show } from '../base/errors.js';
import type { ImageInput } from '../image/input.js';
import type { SentImage } from './wire.js';

/** Who decodes pictures. */
export type Decoder = 'main' | 'page';

/**
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT for what is no picture, ERR_INVALID_IMAGE for a file that cannot be read any more, and
 *   for one that the page cannot decode
 */
export async function pictures(
  images: ImageInput | ImageInput[] | null,
  decoder: Decoder,
): Promise<SentImage[] | null> {
  if (images === null) return null;
  return Promise.all((Array.isArray(images) ? images : [images]).map((image) => picture(image, decoder)));
}

async function picture(image: ImageInput, decoder: Decoder): Promise<SentImage> {
  if (image instanceof Uint8Array || image instanceof ArrayBuffer)
    return decoder === 'page' ? decoded(new Blob([image as Uint8Array<ArrayBuffer>])) : image;
  if (image instanceof Blob) return decoder === 'page' ? decoded(image) : bytesOf(image);
  if (typeof image === 'string') return image;
  if (image instanceof URL) return String(image);
  if (typeof image === 'object' && image !== null && 'data' in image && 'width' in image) {
    const { data, width, height, channels } = image; // an ImageData is an object of the browser's
    return { data, width, height, ...(channels === undefined ? {} : { channels }) } as SentImage;
  }
  throw new PaliGemmaError(
    'ERR_INVALID_ARGUMENT',
    `an image must be a File or Blob, encoded bytes, ImageData or a data: URL (or raw pixels, a path or a URL), not ${show(image)}`,
  );
}

const unreadable = (blob: Blob, what: string, cause: unknown) =>
  new PaliGemmaError('ERR_INVALID_IMAGE', `the Blob of ${blob.size} bytes cannot be ${what}: ${reasonOf(cause)}`, {
    cause,
  });

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    throw unreadable(blob, 'read', error);
  }
}

/** What a page has for it, of the browser. */
interface Browser {
  createImageBitmap(blob: Blob): Promise<Bitmap>;
  OffscreenCanvas: new (
    width: number,
    height: number,
  ) => {
    getContext(kind: '2d'): { drawImage(bitmap: Bitmap, x: 0, y: 0): void; getImageData(...box: number[]): Pixels };
  };
}
interface Bitmap {
  width: number;
  height: number;
  close(): void;
}
interface Pixels {
  data: Uint8ClampedArray;
}

/** Upright, as the picture says that it lies. */
async function decoded(blob: Blob): Promise<SentImage> {
  const { createImageBitmap, OffscreenCanvas } = globalThis as unknown as Browser;
  try {
    const bitmap = await createImageBitmap(blob);
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    bitmap.close();
    return { data: context.getImageData(0, 0, width, height).data, width, height };
  } catch (error) {
    throw unreadable(blob, 'decoded', error);
  }
}
