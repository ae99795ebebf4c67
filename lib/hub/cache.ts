// Converted models on the disk, by where they came from and how they were made.
//
//   <cache>/models/<owner>--<name>/<origin>-<types>[-<other choices>]/   model.gguf, mmproj.gguf, source.json
//   <cache>/models/<owner>--<name>/refs/<revision>                      the commit a revision stood for
//   <cache>/downloads/<owner>--<name>/<commit>/                         what is being fetched, or is kept
//
// <origin> is the beginning of a commit, or the hash of what another server names a version with.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { PaliGemmaError, reasonOf } from '../base/errors.js';
import { describeHolder } from '../base/holder.js';
import { isHeld, type Lock, tryLock } from '../base/lock.js';
import { move } from '../base/move.js';
import { lockOf } from '../weights/lock.js';
import { isCommit, isHubId } from './hub.js';

/** How a model was made; written beside it, and last, so that its presence says that the model is whole. */
export interface CacheRecord {
  /** Hub id, or path of the checkpoint. */
  model: string;
  /** Of the hub. */
  revision?: string;
  commit?: string;
  quantization: string;
  visionQuantization: string;
  adapter?: string;
  maskDecoder?: string;
  licence?: string;
  /** ISO date. */
  created: string;
}

export interface CachedModel extends CacheRecord {
  /** Folder of the model. */
  path: string;
  /** Of its files. */
  bytes: number;
}

const RECORD = 'source.json';
const GIT_COMMIT = /^[0-9a-f]{40}$/;

/**
 * Where models are kept: the option, else `PALIGEMMA_CACHE`, else the platform's cache folder
 * (`~/.cache/node-paligemma`, `~/Library/Caches/node-paligemma`, `%LOCALAPPDATA%\node-paligemma\Cache`).
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT where none is set and there is no home folder
 */
export function cacheFolder(option?: string): string {
  const chosen = option || process.env.PALIGEMMA_CACHE;
  if (chosen) return path.resolve(chosen);
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === 'win32')
    return path.join(LOCALAPPDATA || home('AppData', 'Local'), 'node-paligemma', 'Cache');
  if (process.platform === 'darwin') return home('Library', 'Caches', 'node-paligemma');
  return path.join(XDG_CACHE_HOME || home('.cache'), 'node-paligemma');
}

function home(...parts: string[]): string {
  try {
    return path.join(os.homedir(), ...parts);
  } catch (error) {
    throw new PaliGemmaError(
      'ERR_INVALID_ARGUMENT',
      `there is no home folder for the cache (${reasonOf(error)}): set PALIGEMMA_CACHE or the option cacheDir`,
      { cause: error },
    );
  }
}

/** The folder name of a hub id, or of a path. */
export function slugOf(model: string): string {
  if (isHubId(model)) return model.replace('/', '--');
  const real = existsSync(model) ? realpathSync(model) : path.resolve(model);
  return `local--${path.basename(real).replace(/[^\w.-]/g, '_')}-${hash(real)}`;
}

export const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 12);

/** What a commit of git, another server's name of a version, or a fingerprint is called in names of folders. */
export const shortOrigin = (origin: string): string =>
  GIT_COMMIT.test(origin) || /^[0-9a-f]{12}$/.test(origin) ? origin.slice(0, 12) : `v${hash(origin)}`;

/** Changes whenever a file, or a file of a folder, is another one. */
export function fingerprint(source: string): string {
  const files = statSync(source).isDirectory()
    ? readdirSync(source, { withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => path.join(source, entry.name))
        .sort()
    : [source];
  const about = files.map((file) => {
    const { size, mtimeMs } = statSync(file);
    return [realpathSync(file), size, mtimeMs];
  });
  return hash(JSON.stringify(about));
}

/** What is kept for one model, in all its forms. */
export class ModelShelf {
  private constructor(
    readonly folder: string,
    readonly downloads: string,
  ) {}

  static of(model: string, cacheDir?: string): ModelShelf {
    return ModelShelf.named(slugOf(model), cacheDir);
  }

  static named(slug: string, cacheDir?: string): ModelShelf {
    const cache = cacheFolder(cacheDir);
    return new ModelShelf(path.join(cache, 'models', slug), path.join(cache, 'downloads', slug));
  }

  /** The folder of a model made in this way, if it is there and whole. */
  find(key: string): string | undefined {
    const folder = this.path(key);
    return existsSync(path.join(folder, RECORD)) ? folder : undefined;
  }

  /** Types of the text models that were made from an origin, and with an adapter or none. */
  async types(origin: string, adapter: string | undefined): Promise<string[]> {
    const keys = (await names(this.folder)).filter((key) => key.startsWith(origin));
    const records = await Promise.all(keys.map((key) => readRecord(this.path(key))));
    const fitting = records.filter((record) => record !== undefined && record.adapter === adapter);
    return [...new Set(fitting.map((record) => record?.quantization ?? ''))];
  }

  path(key: string): string {
    return path.join(this.folder, key);
  }

  async make(): Promise<void> {
    await mkdir(this.folder, { recursive: true }).catch((error) => {
      throw new PaliGemmaError(
        'ERR_CONVERSION_FAILED',
        `the cache folder ${this.folder} cannot be made (${reasonOf(error)}): set PALIGEMMA_CACHE or the option cacheDir to one that can`,
        { cause: error },
      );
    });
  }

  async record(key: string, record: CacheRecord): Promise<void> {
    await writeAside(path.join(this.path(key), RECORD), `${JSON.stringify(record, null, 2)}\n`);
  }

  /** The commit that a revision stood for when it was last asked for. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (GIT_COMMIT.test(revision)) return revision;
    const text = await readFile(this.#ref(revision), 'utf8').catch(() => '');
    return isCommit(text) ? text : undefined;
  }

  async remember(revision: string, commit: string): Promise<void> {
    if (GIT_COMMIT.test(revision)) return;
    await mkdir(path.join(this.folder, 'refs'), { recursive: true });
    await writeAside(this.#ref(revision), commit);
  }

  #ref(revision: string): string {
    return path.join(this.folder, 'refs', encodeURIComponent(revision));
  }

  /** @throws PaliGemmaError ERR_IN_USE while a process fetches or converts something for this shelf */
  async lock(): Promise<Lock> {
    const lock = await tryLock(lockOf(this.folder));
    if (!isHeld(lock)) return lock;
    const what = `${describeHolder(lock)} is fetching or converting for ${this.folder}`;
    throw new PaliGemmaError('ERR_IN_USE', `${what}: let it end, then remove it`);
  }

  async remove(): Promise<void> {
    for (const folder of [this.downloads, this.folder]) await rm(folder, { recursive: true, force: true });
  }
}

async function writeAside(file: string, text: string): Promise<void> {
  await writeFile(`${file}.partial`, text);
  await move(`${file}.partial`, file);
}

/**
 * The models in the cache, the newest first.
 * @param options.cacheDir default: see `cacheFolder`
 */
export async function listCache(options: { cacheDir?: string } = {}): Promise<CachedModel[]> {
  const models = path.join(cacheFolder(options.cacheDir), 'models');
  const found: CachedModel[] = [];
  for (const slug of await names(models))
    for (const key of await names(path.join(models, slug))) {
      const folder = path.join(models, slug, key);
      const record = await readRecord(folder);
      if (record) found.push({ ...record, path: folder, bytes: await sizeOf(folder) });
    }
  return found.sort((a, b) => b.created.localeCompare(a.created));
}

/**
 * Removes all that the cache holds of a model (unfinished downloads too), or of all models.
 * @param model hub id or path, as it was loaded; none: all
 * @returns what was removed
 * @throws PaliGemmaError ERR_IN_USE naming the process that fetches or converts one of them; nothing is removed then
 */
export async function removeFromCache(
  model: string | undefined,
  options: { cacheDir?: string } = {},
): Promise<CachedModel[]> {
  const shelves = (
    model === undefined ? await shelvesOf(options.cacheDir) : [ModelShelf.of(model, options.cacheDir)]
  ).filter(({ folder, downloads }) => existsSync(folder) || existsSync(downloads));
  const locks: Lock[] = [];
  try {
    for (const shelf of shelves) locks.push(await shelf.lock());
    const folders = new Set(shelves.map(({ folder }) => folder));
    const removed = (await listCache(options)).filter((entry) => folders.has(path.dirname(entry.path)));
    for (const shelf of shelves) await shelf.remove();
    return removed;
  } finally {
    for (const lock of locks) await lock.release();
  }
}

async function shelvesOf(cacheDir: string | undefined): Promise<ModelShelf[]> {
  const parts = ['models', 'downloads'].map((part) => names(path.join(cacheFolder(cacheDir), part)));
  return [...new Set((await Promise.all(parts)).flat())].map((slug) => ModelShelf.named(slug, cacheDir));
}

const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

async function readRecord(folder: string): Promise<CacheRecord | undefined> {
  try {
    return JSON.parse(await readFile(path.join(folder, RECORD), 'utf8'));
  } catch {
    return undefined; // not a model, or not a whole one
  }
}

async function sizeOf(folder: string): Promise<number> {
  const sizes = await Promise.all(
    (await names(folder)).map(async (name) => (await stat(path.join(folder, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
