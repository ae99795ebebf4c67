import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { link, open, rm } from 'node:fs/promises';
import type { BatchItem, BatchResult } from 'node-paligemma';
import { imagePath, invalid, isUnusable, move, type Unusable } from 'node-paligemma/support';
import { explainWriting, syncFolder } from './growing-file.js';
import type { OutputOptions } from './open.js';
import { answerText, type BatchOutput } from './output.js';
import { Renames } from './renames.js';
import { SidecarNames } from './sidecar-names.js';

type SidecarOptions = Pick<OutputOptions, 'resume' | 'overwrite' | 'say'>;

/** `photo.txt` beside `photo.jpg`: the text, or the objects or the choice as JSON. A picture that failed has none, so that it is tried again. */
export class SidecarOutput implements BatchOutput {
  readonly #options: SidecarOptions;
  readonly #names = new SidecarNames();
  readonly #renames: Renames;

  constructor(options: SidecarOptions) {
    this.#options = options;
    this.#renames = new Renames(options.say);
  }

  has(entry: BatchItem | Unusable): boolean {
    const image = isUnusable(entry) ? undefined : imagePath(entry);
    return this.#options.resume && image !== undefined && fs.existsSync(this.#names.of(image).target);
  }

  /** @throws PaliGemmaError ERR_INVALID_ARGUMENT for a picture without a place of its own: a URL, one of a tar, or one whose text is there */
  async write(result: BatchResult): Promise<void> {
    const { id, image, error } = result;
    if (error) return;
    if (image === undefined || /^(?!file:)[a-z][a-z+.-]*:\/\//i.test(image))
      throw invalid(`${id}: sidecar needs pictures that are files`);
    const { target, other } = this.#names.of(image);
    const { overwrite } = this.#options;
    if (fs.existsSync(target) && !overwrite) throw isThere(target);
    const partial = `${target}.${randomUUID().slice(0, 8)}.partial`;
    try {
      const file = await open(partial, 'wx');
      try {
        await file.writeFile(`${answerText(result)}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await (overwrite ? move(partial, target) : moveToNew(partial, target));
      await syncFolder(target);
      if (other !== undefined)
        this.#renames.add(`the text of ${image} is ${target}, as the name without its ending is that of ${other}`);
    } catch (error) {
      await rm(partial, { force: true }).catch(() => {});
      throw explainWriting(error, target);
    }
  }

  async close(): Promise<void> {
    this.#renames.end();
  }
}

const isThere = (target: string) =>
  invalid(`${target} is there already: go on with what is there (--resume) or begin anew (--overwrite)`);

/** Another batch may have written it in the meantime. */
async function moveToNew(partial: string, target: string): Promise<void> {
  try {
    await link(partial, target);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw isThere(target);
    // Disks of cameras (FAT) have no links, which Windows tells as EISDIR; that nothing was there a moment ago is all that can be
    // had.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EINVAL', 'EISDIR'].includes(code)) throw error;
    return move(partial, target);
  }
  await rm(partial);
}
