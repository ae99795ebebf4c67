// Pictures as a page has them, made into what can be sent to the main process.
import { PaliGemmaError, reasonOf, show } from '../base/errors.js';
import type { ImageInput } from '../image/input.js';
import type { SentImage } from './wire.js';

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT for what is no picture, ERR_INVALID_IMAGE for a file that cannot be read any more */
export async function pictures(images: ImageInput | ImageInput[] | null): Promise<SentImage[] | null> {
  if (images === null) return null;
  return Promise.all((Array.isArray(images) ? images : [images]).map(picture));
}

async function picture(image: ImageInput): Promise<SentImage> {
  if (typeof image === 'string' || image instanceof Uint8Array || image instanceof ArrayBuffer) return image;
  if (image instanceof URL) return String(image);
  if (image instanceof Blob) return bytesOf(image);
  if (typeof image === 'object' && image !== null && 'data' in image && 'width' in image) {
    const { data, width, height, channels } = image; // an ImageData is an object of the browser's
    return { data, width, height, ...(channels === undefined ? {} : { channels }) } as SentImage;
  }
  throw new PaliGemmaError(
    'ERR_INVALID_ARGUMENT',
    `an image must be a File or Blob, encoded bytes, ImageData or a data: URL (or raw pixels, a path or a URL), not ${show(image)}`,
  );
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    const message = `the Blob of ${blob.size} bytes cannot be read: ${reasonOf(error)}`;
    throw new PaliGemmaError('ERR_INVALID_IMAGE', message, { cause: error });
  }
}
