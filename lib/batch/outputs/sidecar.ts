import fs from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { invalid } from '../../check.js';
import { type BatchItem, type BatchResult, imagePath, isUnusable, type Unusable } from '../item.js';
import { explainWriting, syncFolder } from './growing-file.js';
import type { BatchOutput } from './output.js';

/** `photo.txt` beside `photo.jpg`: the text, or the objects as JSON. A picture that failed has none, so that it is tried again. */
export class SidecarOutput implements BatchOutput {
  readonly #options: { resume: boolean; overwrite: boolean };

  constructor(options: { resume: boolean; overwrite: boolean }) {
    this.#options = options;
  }

  has(entry: BatchItem | Unusable): boolean {
    const image = isUnusable(entry) ? undefined : imagePath(entry);
    return this.#options.resume && image !== undefined && fs.existsSync(sidecar(image));
  }

  /** @throws PaliGemmaError ERR_INVALID_ARGUMENT for a picture without a place of its own: a URL, one of a tar, or one whose text is there */
  async write({ id, image, text, objects, error }: BatchResult): Promise<void> {
    if (error) return;
    if (image === undefined || /^(?!file:)[a-z][a-z+.-]*:\/\//i.test(image))
      throw invalid(`${id}: sidecar needs pictures that are files`);
    const target = sidecar(image);
    if (fs.existsSync(target) && !this.#options.overwrite)
      throw invalid(`${target} is there already: go on with what is there (--resume) or begin anew (--overwrite)`);
    const partial = `${target}.${process.pid}.partial`;
    try {
      const file = await open(partial, 'w');
      try {
        await file.writeFile(`${text ?? JSON.stringify(objects)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(partial, target);
      await syncFolder(target);
    } catch (error) {
      await rm(partial, { force: true }).catch(() => {});
      throw explainWriting(error, target);
    }
  }

  async close(): Promise<void> {}
}

function sidecar(image: string): string {
  const file = /^file:/i.test(image) ? fileURLToPath(image) : image;
  return `${file.replace(/\.[^./\\]*$/, '')}.txt`;
}
