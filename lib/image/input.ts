import type { ImageDataLike, RawImage } from './raw.js';

/**
 * A path; a `file:`, `http(s):` or `data:` URL; an encoded picture (JPEG, PNG, WebP, AVIF, GIF, TIFF) as bytes, as an
 * ArrayBuffer or as a Blob; or raw pixels, also those of a canvas.
 */
export type ImageInput = string | URL | Uint8Array | ArrayBuffer | Blob | RawImage | ImageDataLike;
