import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { brief, PaliGemmaError, reasonOf, show } from '../base/errors.js';
import type { Access } from './access.js';
import { dataUrlLabel, isDataUrl, readDataUrl } from './data-url.js';
import { invalidImage } from './decoded.js';
import type { ImageInput } from './input.js';
import type { ImageDataLike, RawImage } from './raw.js';

/** The encoded picture, or its path, and how to call it in messages. */
export interface Located {
  source: string | Uint8Array;
  label: string;
}

/** Whether an image has to be fetched. */
export const isRemote = (input: unknown): boolean =>
  /^https?:/i.test(input instanceof URL || typeof input === 'string' ? String(input) : '');

/** @throws PaliGemmaError ERR_INVALID_IMAGE when it cannot or may not be read, ERR_INVALID_ARGUMENT when it is no image input */
export async function locateImage(
  input: Exclude<ImageInput, RawImage | ImageDataLike>,
  access: Access,
  signal?: AbortSignal,
): Promise<Located> {
  if (input instanceof Uint8Array || types.isArrayBuffer(input)) {
    const source =
      input instanceof Uint8Array ? input : input.byteLength > 0 ? new Uint8Array(input) : new Uint8Array();
    const label = `the image of ${source.length} bytes`;
    access.checkSize(label, source.length);
    return { source, label };
  }
  if (input instanceof Blob) {
    const label = `the Blob of ${input.size} bytes`;
    access.checkSize(label, input.size);
    return { source: new Uint8Array(await input.arrayBuffer()), label };
  }
  if (typeof input !== 'string' && !(input instanceof URL))
    throw new PaliGemmaError(
      'ERR_INVALID_ARGUMENT',
      `an image must be a path, a URL, encoded bytes, a Blob or raw pixels ({ data, width, height, channels }), not ${show(input)}`,
    );
  const text = String(input);
  if (isDataUrl(input)) {
    const source = readDataUrl(text);
    access.checkSize(dataUrlLabel(text), source.length);
    return { source, label: dataUrlLabel(text) };
  }
  if (isRemote(input)) {
    const source = await access.fetch(text, signal);
    access.checkSize(brief(text), source.length);
    return { source, label: brief(text) };
  }
  if (input instanceof URL && input.protocol !== 'file:')
    throw invalidImage(`${brief(text)} cannot be read: file:, http: and https: URLs can, and data: URLs`);
  const name = filePath(text);
  // No file system has such names. It may be base64 without its beginning, or bytes as text.
  if (name.length > LONGEST_PATH || name.includes('\0'))
    throw invalidImage(`no such image file: ${brief(name)}; bytes go in as a Uint8Array, base64 as a data: URL`);
  return { source: await access.file(name), label: brief(name) };
}

/** PATH_MAX of Linux; Windows has 32767 at most. */
const LONGEST_PATH = 32_767;

/** The path that a path or a `file:` URL names. @throws PaliGemmaError ERR_INVALID_IMAGE */
export function filePath(name: string): string {
  if (!/^file:/i.test(name)) return name;
  try {
    return fileURLToPath(name);
  } catch (error) {
    throw invalidImage(`${brief(name)} is not a usable file URL: ${reasonOf(error)}`, error);
  }
}
