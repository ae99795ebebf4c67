import { constants, type Stats } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { invalid } from '../base/check.js';
import { brief, PaliGemmaError, reasonOf } from '../base/errors.js';
import { isLongPath } from '../base/long-path.js';
import { FETCH_LIMIT_BYTES, type FetchOptions, fetchBytes, sizeOf } from './fetch-bytes.js';
import { publicFetch } from './public-fetch.js';

/**
 * What may be read as a picture, for programs that take paths and URLs from others. It holds for paths, `file:` and `http(s):`
 * URLs, encoded bytes, Blobs and the files of videos. `data:` URLs are encoded bytes: neither a file nor a fetch, held to
 * `maxBytes` alone. What it forbids is refused with ERR_INVALID_IMAGE.
 */
export interface ImageAccess {
  /** Only files below this folder, wherever links lead. Relative paths stay relative to the working folder. Default: any file. */
  root?: string;
  /** Most bytes of an encoded picture or a video. Default: any size, 64 MiB from URLs. Raw pixels have a limit of their own. */
  maxBytes?: number;
  /**
   * Fetch from addresses of the public internet only: not from this machine, private networks or cloud metadata, by name,
   * number or redirect. The address that is checked is the one connected to. Under Bun, which cannot be held to that, no URL
   * is fetched. Default false.
   */
  publicUrlsOnly?: boolean;
}

type Kind = 'image' | 'video';

const refused = (message: string, cause?: unknown) => new PaliGemmaError('ERR_INVALID_IMAGE', message, { cause });

/** An {@link ImageAccess} to read by: whatever is read for a picture goes through here. */
export class Access {
  /** Anything, as without a policy. */
  static readonly any = new Access(undefined, undefined, {});

  readonly #root: string | undefined;
  readonly #maxBytes: number | undefined;
  readonly #fetching: FetchOptions;

  private constructor(root: string | undefined, maxBytes: number | undefined, fetching: FetchOptions) {
    this.#root = root;
    this.#maxBytes = maxBytes;
    this.#fetching = { ...fetching, maxBytes: maxBytes ?? FETCH_LIMIT_BYTES };
  }

  /** @throws PaliGemmaError ERR_INVALID_ARGUMENT when the root is no folder */
  static async open({ root, maxBytes, publicUrlsOnly = false }: ImageAccess = {}): Promise<Access> {
    const folder = root === undefined ? undefined : await realFolder(root);
    return new Access(folder, maxBytes, publicUrlsOnly ? { fetch: await publicFetch() } : {});
  }

  /** Whether there is a limit to what may be read from where. */
  get limited(): boolean {
    return this.#root !== undefined || this.#fetching.fetch !== undefined;
  }

  /** Whether files are read into memory before they are decoded. */
  get inMemory(): boolean {
    return this.#root !== undefined || this.#maxBytes !== undefined;
  }

  /** A file's real place. Who opens it later trusts the folder to stay as it is; {@link read} does not. */
  async locate(name: string, kind: Kind = 'image'): Promise<string> {
    const file = this.#root === undefined ? name : await this.#inside(name, this.#root, kind);
    this.#check(name, await fs.stat(file).catch((error) => fail(name, error, kind)), kind);
    return file;
  }

  /** A file's bytes. */
  async read(name: string): Promise<Uint8Array> {
    const file = this.#root === undefined ? name : await this.#inside(name, this.#root);
    // A pipe in place of a picture would otherwise be waited for.
    const handle = await fs
      .open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
      .catch((error) => fail(name, error));
    try {
      const size = this.#check(name, await handle.stat());
      // A link that was put in its way after the look has to lead back to what was opened.
      if (this.#root !== undefined && !(await same(handle, await this.#inside(file, this.#root))))
        throw refused(`${name} was replaced while it was opened`);
      return await readWhole(handle, size);
    } catch (error) {
      throw error instanceof PaliGemmaError ? error : fail(name, error);
    } finally {
      await handle.close();
    }
  }

  /**
   * A file to decode: its path where there is no limit, so that it need not be in memory; else the bytes that were checked. The
   * bytes too where the decoder cannot open the path.
   */
  async file(name: string): Promise<string | Uint8Array> {
    return this.inMemory || isLongPath(name) ? this.read(name) : this.locate(name);
  }

  /** @throws PaliGemmaError ERR_INVALID_IMAGE, as {@link fetchBytes} */
  fetch(url: string, signal?: AbortSignal, picturesOnly = false): Promise<Uint8Array> {
    return fetchBytes(url, signal, { ...this.#fetching, picturesOnly });
  }

  /** @throws PaliGemmaError ERR_INVALID_IMAGE when so many bytes of a picture are none, or too many */
  checkSize(label: string, size: number): void {
    if (size === 0) throw refused(`${label} is empty`);
    if (this.#maxBytes !== undefined && size > this.#maxBytes)
      throw refused(`${label} is larger than the limit of ${sizeOf(this.#maxBytes)}`);
  }

  /** @returns the file's size */
  #check(name: string, found: Stats, kind: Kind = 'image'): number {
    if (found.isDirectory()) throw refused(`${name} is a folder, no ${kind}`);
    if (!found.isFile()) throw refused(`${name} is no file`);
    this.checkSize(name, found.size);
    return found.size;
  }

  /** The file's real path. What is outside is refused alike whether it is there or not. */
  async #inside(name: string, root: string, kind: Kind = 'image'): Promise<string> {
    let real: string;
    // Asking another machine whether it has a file tells it who asks.
    const full = path.resolve(name);
    if (isUnc(full) && !isBelow(root, full)) throw outside(name, root);
    try {
      real = await fs.realpath(name);
    } catch (error) {
      if (isBelow(root, full)) return fail(name, error, kind);
      throw outside(name, root);
    }
    if (!isBelow(root, real)) throw outside(name, root);
    return real;
  }
}

const outside = (name: string, root: string) =>
  refused(`${brief(name)} is not below ${root}, and nothing else may be read`);

function fail(name: string, error: unknown, kind: Kind = 'image'): never {
  const { code } = error as NodeJS.ErrnoException;
  const missing = code === 'ENOENT' || code === 'ENAMETOOLONG';
  const called = brief(name);
  throw refused(missing ? `no such ${kind} file: ${called}` : `${called} cannot be read: ${reasonOf(error)}`, error);
}

async function realFolder(root: string): Promise<string> {
  const real = await fs.realpath(root).catch(() => undefined);
  if (real === undefined || !(await fs.stat(real)).isDirectory())
    throw invalid(`the root of pictures must be a folder, and ${root} is none`);
  return real;
}

/** `\\machine\share\file`, on Windows. */
const isUnc = (full: string): boolean => full.startsWith('\\\\');

function isBelow(root: string, file: string): boolean {
  const way = path.relative(root, file);
  return way !== '' && way !== '..' && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way);
}

async function same(handle: FileHandle, file: string): Promise<boolean> {
  const [opened, named] = await Promise.all([handle.stat(), fs.stat(file)]);
  return opened.ino === named.ino && opened.dev === named.dev;
}

/** As much as was there when its size was checked, however it grows. */
async function readWhole(handle: FileHandle, size: number): Promise<Uint8Array> {
  const data = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await handle.read(data, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return data.subarray(0, length);
}
