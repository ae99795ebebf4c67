import { createHash, type Hash } from 'node:crypto';
import { constants, type FileHandle, open, rm } from 'node:fs/promises';
import { PaliGemmaError, reasonOf } from '../base/errors.js';
import type { HubFile } from './hub.js';
import { failed } from './hub-client.js';

/** What came is not what the listing announces. */
export class Mismatch extends Error {}

/** A file on its way: what came so far is on the disk and in the running checksum. */
export class PartialFile {
  length = 0;
  private hash: Hash | undefined;

  private constructor(
    private readonly path: string,
    private readonly file: HubFile,
    private readonly handle: FileHandle,
  ) {
    this.hash = this.startHash();
  }

  static async open(path: string, file: HubFile, signal: AbortSignal | undefined): Promise<PartialFile> {
    const handle = await onDisk(open(path, constants.O_RDWR | constants.O_CREAT));
    const partial = new PartialFile(path, file, handle);
    try {
      const { size } = await onDisk(handle.stat());
      if (size > file.size) await partial.restart();
      else await partial.takeUp(size, signal);
      return partial;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  private async takeUp(size: number, signal: AbortSignal | undefined): Promise<void> {
    const block = Buffer.allocUnsafe(1 << 20);
    while (this.length < size) {
      signal?.throwIfAborted();
      const { bytesRead } = await onDisk(this.handle.read(block, 0, block.length, this.length));
      if (bytesRead === 0) break;
      this.hash?.update(block.subarray(0, bytesRead));
      this.length += bytesRead;
    }
  }

  async append(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; )
      at += (await onDisk(this.handle.write(chunk, at, chunk.length - at, this.length + at))).bytesWritten;
    this.hash?.update(chunk);
    this.length += chunk.length;
  }

  async restart(): Promise<void> {
    await onDisk(this.handle.truncate(0));
    this.length = 0;
    this.hash = this.startHash();
  }

  private startHash(): Hash | undefined {
    return this.file.sha256 ? createHash('sha256') : undefined;
  }

  /** @throws Mismatch */
  verify(): void {
    const found = this.hash?.copy().digest('hex');
    if (found !== this.file.sha256) throw new Mismatch(`does not match its SHA-256: ${found}, not ${this.file.sha256}`);
  }

  flush = () => onDisk(this.handle.sync());
  close = () => this.handle.close();
  remove = () => onDisk(rm(this.path, { force: true }));
}

/** Errors of the file system, told from those of the network and of callbacks. */
export const onDisk = <T>(work: Promise<T>): Promise<T> =>
  work.catch((error) => {
    if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT')
      throw failed(`the download cannot be stored: ${reasonOf(error)}`, error);
    throw new PaliGemmaError('ERR_DISK_FULL', `the disk is full: ${reasonOf(error)}. Free some space and try again`, {
      cause: error,
    });
  });
