import type { BatchItem } from 'node-paligemma';
import { Access, FILES, fetchBytes, filePath, imagePath, isUrl, type SampleFiles } from 'node-paligemma/support';
import sharp from 'sharp';
import { PICTURES } from './sources/pictures.js';

/**
 * An item with its picture's bytes at hand, and what a tar is to keep of it: all files of its sample, or the picture alone.
 * @throws PaliGemmaError ERR_INVALID_IMAGE when it cannot be had; the signal's reason when aborted
 */
export async function withFiles(
  item: BatchItem,
  signal: AbortSignal,
): Promise<{ item: BatchItem; files: SampleFiles }> {
  const sample = (item as { [FILES]?: SampleFiles })[FILES];
  if (sample) return { item, files: sample };
  const name = imagePath(item);
  if (name === undefined) return { item, files: [] };
  const data = isUrl(name) ? await fetchBytes(name, signal) : await readPicture(name);
  return {
    item: { ...item, image: data },
    files: [{ extension: await extensionOf(name, data).catch(() => 'bin'), data }],
  };
}

/** As the name has it, or else as the bytes are: readers of a tar know a picture by its extension. */
async function extensionOf(name: string, data: Uint8Array): Promise<string> {
  const [, given] = PICTURES.exec(isUrl(name) ? new URL(name).pathname : name) ?? [];
  if (given) return given;
  const { format } = await sharp(data).metadata();
  return format === 'jpeg' ? 'jpg' : format;
}

/** A picture's file as it is. @throws PaliGemmaError ERR_INVALID_IMAGE */
export const readPicture = (name: string): Promise<Uint8Array> => Access.any.read(filePath(name));
