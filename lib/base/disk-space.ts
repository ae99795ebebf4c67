import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import path from 'node:path';

/** Where a folder is, or would be made, and the bytes free there; Infinity on a file system that does not say. */
export async function freeSpace(folder: string): Promise<{ place: string; free: number }> {
  let place = path.resolve(folder);
  while (!existsSync(place) && place !== path.dirname(place)) place = path.dirname(place);
  const disk = await statfs(place).catch(() => undefined);
  return { place, free: disk?.blocks ? disk.bavail * disk.bsize : Number.POSITIVE_INFINITY };
}
