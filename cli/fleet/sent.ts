// How an item's picture gets to a worker.
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { BatchItem } from 'node-paligemma';
import { filePath, imagePath, isUrl } from 'node-paligemma/support';
import { readPicture } from '../batch/sample.js';
import type { Picture } from './wire.js';

/**
 * @param inline whether files are sent along; what is in memory always is
 * @throws PaliGemmaError ERR_INVALID_IMAGE for a file that is to be sent and cannot be read
 */
export async function pictureToSend(item: BatchItem, inline: boolean): Promise<Picture> {
  const name = imagePath(item);
  if (name === undefined) return { data: Buffer.from(item.image as Uint8Array).toString('base64') };
  if (isUrl(name)) return { url: name };
  if (inline) return { data: Buffer.from(await readPicture(name)).toString('base64') };
  return { path: path.resolve(filePath(name)) };
}

/** Bytes of it in Redis, before it is read. */
export async function sizeToSend(item: BatchItem, inline: boolean): Promise<number> {
  const name = imagePath(item);
  let size = 0;
  if (name === undefined) size = (item.image as Uint8Array).length;
  else if (inline && !isUrl(name)) size = (await stat(filePath(name)).catch(() => undefined))?.size ?? 0;
  return Math.ceil((size * 4) / 3);
}
