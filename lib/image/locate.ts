import { fileURLToPath } from 'node:url';
import { PaliGemmaError, reasonOf, show } from '../errors.js';
import type { ImageInput, RawImage } from '../image.js';
import type { Access } from './access.js';

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
  input: Exclude<ImageInput, RawImage>,
  access: Access,
  signal?: AbortSignal,
): Promise<Located> {
  if (input instanceof Uint8Array) {
    const label = `the image of ${input.length} bytes`;
    access.checkSize(label, input.length);
    return { source: input, label };
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
  if (isRemote(input)) {
    const source = await access.fetch(text, signal);
    access.checkSize(text, source.length);
    return { source, label: text };
  }
  if (input instanceof URL && input.protocol !== 'file:')
    throw new PaliGemmaError('ERR_INVALID_IMAGE', `${text} cannot be read: file:, http: and https: URLs can`);
  const name = filePath(text);
  return { source: await access.file(name), label: name };
}

/** The path that a path or a `file:` URL names. @throws PaliGemmaError ERR_INVALID_IMAGE */
export function filePath(name: string): string {
  if (!/^file:/i.test(name)) return name;
  try {
    return fileURLToPath(name);
  } catch (error) {
    throw new PaliGemmaError('ERR_INVALID_IMAGE', `${name} is not a usable file URL: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}
