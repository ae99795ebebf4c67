import { type FileHandle, mkdir, open } from 'node:fs/promises';
import path from 'node:path';
import { PaliGemmaError } from 'node-paligemma';
import { type Deferred, deferred } from 'node-paligemma/support';

/**
 * A file that only grows: what `append` resolved for is on the disk, power loss included. Many appends share one flush, so that
 * they cost little.
 */
export class GrowingFile {
  readonly #file: FileHandle;
  readonly #path: string;
  #waiting: { data: Buffer; done: Deferred<void> }[] = [];
  #end: number;
  #flushing: Promise<void> | undefined;
  #broken: unknown;

  private constructor(file: FileHandle, path: string, end: number) {
    this.#file = file;
    this.#path = path;
    this.#end = end;
  }

  /** Opens the file, makes it and its folder when they are missing, and cuts it after `length` bytes. */
  static async open(target: string, length: number): Promise<GrowingFile> {
    if (length === 0) await mkdir(path.dirname(path.resolve(target)), { recursive: true });
    const file = await open(target, length > 0 ? 'r+' : 'w');
    try {
      await file.truncate(length);
      await file.sync();
      await syncFolder(target);
      return new GrowingFile(file, target, length);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** @throws PaliGemmaError ERR_DISK_FULL, after which nothing more is accepted */
  append(data: string | Buffer): Promise<void> {
    if (this.#broken) return Promise.reject(this.#broken);
    const done = deferred<void>();
    this.#waiting.push({ data: Buffer.from(data), done });
    this.#flushing ??= this.#flush();
    return done.promise;
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        const data = Buffer.concat(batch.map((entry) => entry.data));
        for (let written = 0; written < data.length; )
          written += (await this.#file.write(data, written, data.length - written, this.#end + written)).bytesWritten;
        await this.#file.datasync();
        this.#end += data.length;
        for (const { done } of batch) done.resolve();
      } catch (error) {
        this.#broken = explainWriting(error, this.#path);
        await this.#file.truncate(this.#end).catch(() => {}); // what was not confirmed is not there
        for (const { done } of [...batch, ...this.#waiting]) done.reject(this.#broken);
        this.#waiting = [];
      }
    }
    this.#flushing = undefined;
  }

  async close(): Promise<void> {
    await this.#flushing;
    await this.#file.close();
  }
}

/** A disk without room is what a user can do something about. */
export function explainWriting(error: unknown, target: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') return error;
  const message = `there is no room to write ${target}: make some, and go on with --resume`;
  return new PaliGemmaError('ERR_DISK_FULL', message, { cause: error });
}

/** Makes the names in a file's folder as lasting as what the files hold. Windows needs (and allows) no such thing. */
export async function syncFolder(file: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path.dirname(path.resolve(file)));
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
