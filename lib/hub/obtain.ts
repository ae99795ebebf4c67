// From what a user names, a hub id or a checkpoint on the disk, to a converted model in the cache.
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { flag, text } from '../base/check.js';
import { PaliGemmaError } from '../base/errors.js';
import { notice } from '../base/notice.js';
import type { LoadOptions, Progress } from '../types.js';
import { type ConvertOptions, chosenTypes, convert } from '../weights/convert.js';
import { withLock } from '../weights/lock.js';
import { openModelFolder } from '../weights/model-folder.js';
import type { Quantization } from '../weights/quantization.js';
import { refuseAdditions } from '../weights/ready.js';
import { type CacheRecord, cacheFolder, fingerprint, hash, ModelShelf, shortOrigin } from './cache.js';
import { downloadFiles } from './download.js';
import { bestFound, bestToMake, FOUND_TYPES } from './fitting.js';
import { type HubRepo, isHubId } from './hub.js';
import { isOffline } from './offline.js';
import { sourceOptions } from './options.js';
import { snapshotOf, sourceOf } from './source.js';

export interface ObtainOptions
  extends Pick<ConvertOptions, 'visionQuantization' | 'maskDecoder' | 'adapter' | 'tokenizer' | 'signal'> {
  /** Type of the text model. Default `f16`. `auto`: the best that fits the memory, of those in the cache first. */
  quantization?: Quantization | 'auto';
  /** Branch, tag or commit on the hub. Default `main`. */
  revision?: string;
  /** Token for the hub. Default: `HF_TOKEN`, or the file that `hf auth login` writes. */
  token?: string;
  /** Default: `PALIGEMMA_CACHE`, or the platform's cache folder. */
  cacheDir?: string;
  /** Fetch nothing: what is in the cache is used. Default: `HF_HUB_OFFLINE`, else false. */
  localFilesOnly?: boolean;
  onProgress?: (progress: Progress) => void;
  /** What a user should read once: licences, what `auto` is, what is waited for. Default: a process warning. */
  onNotice?: (text: string) => void;
}

export interface DownloadOptions extends ObtainOptions {
  /** Keep the downloaded checkpoint, to convert it to other types later. Default false: it is removed once converted. */
  keepSource?: boolean;
}

/**
 * Fetches a model from the hub, converts it and puts it into the cache, from where `load` opens it without the network. Asks the
 * hub for the newest commit; when that is in the cache, nothing is fetched. Offline (`localFilesOnly`, `HF_HUB_OFFLINE=1`) nobody
 * is asked. A checkpoint that Python's huggingface_hub has in its cache is converted from there, and stays there.
 * @param model hub id such as `google/paligemma-3b-mix-224`, or the path of a checkpoint
 * @returns the model's folder
 * @throws PaliGemmaError ERR_GATED_MODEL, ERR_MODEL_NOT_FOUND, ERR_DOWNLOAD_FAILED, ERR_DISK_FULL and what `convert` throws;
 *   the signal's reason when aborted
 */
export async function download(model: string, options: DownloadOptions = {}): Promise<string> {
  sourceOptions(text('model', model), options);
  const keepSource = flag('keepSource', options.keepSource ?? false);
  return obtain(model, options, { refresh: true, keepSource });
}

/** As {@link download}, but what is in the cache is taken without asking the hub. */
export const obtainModel = (model: string, options: ObtainOptions): Promise<string> =>
  obtain(model, options, { refresh: false, keepSource: false });

/** The folder of a model that is in the cache, without making it. */
export async function findModel(model: string, options: ObtainOptions): Promise<string | undefined> {
  const shelf = ModelShelf.of(model, options.cacheDir);
  const revision = options.revision ?? 'main';
  const origin = isHubId(model) ? await shelf.commitOf(revision) : fingerprint(model);
  const adapter = await knownAdapter(options);
  const made = origin === undefined ? undefined : await findForm(shelf, origin, options, adapter);
  if (made !== undefined) return made;
  const ready = origin === undefined ? undefined : shelf.find(readyKey(origin));
  const here = ready === undefined && isHubId(model) ? await snapshotOf(model, revision, options) : undefined;
  return asItIs(ready ?? (here?.content === 'gguf' ? here.folder : undefined), options);
}

/** GGUF files of a repository, of which nothing is made. */
function asItIs<F extends string | undefined>(folder: F, options: ObtainOptions): F {
  if (folder !== undefined) refuseAdditions(folder, options);
  return folder;
}

/** A model made from this origin in this way; with `auto` the best of its types that fits. */
async function findForm(shelf: ModelShelf, origin: string, options: ObtainOptions, adapter: Adapter | undefined) {
  if (options.quantization !== 'auto') return shelf.find(keyOf(origin, options, adapter));
  const folders = FOUND_TYPES.map((quantization) => shelf.find(keyOf(origin, { ...options, quantization }, adapter)));
  const models = await Promise.all(folders.filter((folder) => folder !== undefined).map(openModelFolder));
  return models.length === 0 ? undefined : (await bestFound(models, options as LoadOptions))?.folder;
}

/** The options with a type instead of `auto`. */
async function settled(source: string, options: ObtainOptions): Promise<ObtainOptions> {
  if (options.quantization !== 'auto') return options;
  return { ...options, quantization: await bestToMake(source, options as LoadOptions) };
}

interface Manner {
  /** Ask the hub what the revision stands for, even when an answer is known. */
  refresh: boolean;
  keepSource: boolean;
}

async function obtain(model: string, options: ObtainOptions, manner: Manner): Promise<string> {
  options.signal?.throwIfAborted();
  if (!isHubId(model) && !existsSync(model))
    throw new PaliGemmaError(
      'ERR_MODEL_NOT_FOUND',
      `no such model: ${model} is neither a path nor a hub id (owner/name)`,
    );
  const ask = manner.refresh && isHubId(model) && !isOffline(options);
  const known = ask ? undefined : await findModel(model, options);
  if (known !== undefined) return known;
  return isHubId(model) ? fromHub(model, options, manner) : fromDisk(model, options);
}

async function fromDisk(source: string, options: ObtainOptions): Promise<string> {
  const shelf = ModelShelf.of(source, options.cacheDir);
  await shelf.make();
  const work = async () => {
    const adapter = await fetchAdapter(options);
    const found = await findForm(shelf, fingerprint(source), options, adapter);
    if (found !== undefined) return found;
    const chosen = await settled(source, options);
    const key = keyOf(fingerprint(source), chosen, adapter);
    return convertInto(shelf, key, source, adapter, chosen, { model: path.resolve(source) });
  };
  return withLock(shelf.folder, options.signal, work, options.onNotice);
}

async function fromHub(id: string, options: ObtainOptions, { refresh, keepSource }: Manner): Promise<string> {
  const revision = options.revision ?? 'main';
  const shelf = ModelShelf.of(id, options.cacheDir);
  const { repo, content, files, folder: here } = await sourceOf(id, revision, options, refresh);
  if (content === 'adapter')
    throw new PaliGemmaError(
      'ERR_UNSUPPORTED_MODEL',
      `${id} is an adapter: load the model it was trained on, with adapter: '${id}'`,
    );
  if (content === 'gguf') refuseAdditions(id, options);
  if (content === 'gguf' && here !== undefined) return here;
  await shelf.make();
  const work = async () => {
    const ready = content === 'gguf';
    const adapter = await fetchAdapter(options);
    const key = readyKey(repo.commit);
    let folder = ready ? shelf.find(key) : await findForm(shelf, repo.commit, options, adapter);
    if (folder === undefined) {
      const origin = { model: id, revision, commit: repo.commit, licence: repo.licence };
      if (ready) {
        folder = shelf.path(key);
        await downloadFiles(repo, files, folder, options);
        await showLicence(repo, options);
        const { textType, visionType } = await openModelFolder(folder);
        await shelf.record(key, recordOf(origin, { quantization: textType, visionQuantization: visionType }));
      } else {
        const source = here ?? path.join(shelf.downloads, repo.commit);
        if (here === undefined) {
          await nameOthers(shelf, repo, options);
          await downloadFiles(repo, files, source, options);
        }
        await showLicence(repo, options);
        const chosen = await settled(source, options);
        folder = await convertInto(shelf, keyOf(repo.commit, chosen, adapter), source, adapter, chosen, origin);
        if (here === undefined && !keepSource) await rm(source, { recursive: true, force: true });
      }
    }
    await shelf.remember(revision, repo.commit);
    return folder;
  };
  return withLock(shelf.folder, options.signal, work, options.onNotice);
}

/** Who names no type may be content with one that is there. */
async function nameOthers(shelf: ModelShelf, { id, commit }: HubRepo, options: ObtainOptions): Promise<void> {
  if (options.quantization !== undefined) return;
  const types = await shelf.types(`${shortOrigin(commit)}-`, options.adapter);
  if (types.length > 0)
    notice(
      `fetching ${id} to convert it to ${typesOf(options).quantization}; the cache has it in ${types.join(' and ')}: ` +
        `quantization: '${types[0]}' loads that`,
      'PALIGEMMA_OTHER_TYPES',
      options.onNotice,
    );
}

async function convertInto(
  shelf: ModelShelf,
  key: string,
  source: string,
  adapter: Adapter | undefined,
  options: ObtainOptions,
  origin: Pick<CacheRecord, 'model' | 'revision' | 'commit' | 'licence'>,
): Promise<string> {
  const folder = shelf.path(key);
  const { maskDecoder, tokenizer, onProgress, signal } = options;
  const types = typesOf(options);
  await convert(source, folder, {
    ...{ ...types, maskDecoder, tokenizer, onProgress, signal },
    ...(adapter ? { adapter: adapter.folder } : {}),
    ...(origin.licence === undefined ? {} : { licence: origin.licence }),
    name: path.basename(origin.model).replace(/\.npz$/, ''),
  });
  await shelf.record(key, recordOf(origin, { ...types, adapter: options.adapter, maskDecoder }));
  return folder;
}

const recordOf = (
  origin: Pick<CacheRecord, 'model' | 'revision' | 'commit' | 'licence'>,
  choices: Pick<CacheRecord, 'quantization' | 'visionQuantization' | 'adapter' | 'maskDecoder'>,
): CacheRecord => ({ ...origin, ...choices, created: new Date().toISOString() });

const typesOf = (options: ObtainOptions) => chosenTypes(options as ConvertOptions); // of which none is auto any more

/** What a model is made from and how, as a folder's name. */
function keyOf(origin: string, options: ObtainOptions, adapter: Adapter | undefined): string {
  const { quantization, visionQuantization } = typesOf(options);
  const files = [options.maskDecoder, options.tokenizer].map((file) =>
    file !== undefined && existsSync(file) ? fingerprint(file) : file,
  );
  const others = [...files, adapter?.origin];
  const extra = others.some((part) => part !== undefined) ? `-${hash(JSON.stringify(others))}` : '';
  return `${shortOrigin(origin)}-${quantization}-${visionQuantization}${extra}`;
}

/** Of GGUF files, which are as they are. */
const readyKey = (origin: string): string => `${shortOrigin(origin)}-gguf`;

interface Adapter {
  folder: string;
  /** Commit, or fingerprint of a folder. */
  origin: string;
}

async function knownAdapter({ adapter, cacheDir }: ObtainOptions): Promise<Adapter | undefined> {
  if (adapter === undefined) return undefined;
  if (!isHubId(adapter)) return { folder: adapter, origin: existsSync(adapter) ? fingerprint(adapter) : adapter };
  const shelf = ModelShelf.of(adapter, cacheDir);
  const origin = (await shelf.commitOf('main')) ?? '';
  return { folder: path.join(shelf.downloads, origin), origin };
}

const ADAPTER_FILES = ['adapter_config.json', 'adapter_model.safetensors'];

/** An adapter from the hub stays where it was downloaded to: it is small, and goes with several types. */
async function fetchAdapter(options: ObtainOptions): Promise<Adapter | undefined> {
  const known = await knownAdapter(options);
  const id = options.adapter;
  if (id === undefined || !known || !isHubId(id)) return known;
  if (ADAPTER_FILES.every((name) => existsSync(path.join(known.folder, name)))) return known;
  const { repo, content, files, folder: here } = await sourceOf(id, 'main', options, false);
  if (content !== 'adapter') throw new PaliGemmaError('ERR_UNSUPPORTED_MODEL', `${id} holds no LoRA adapter`);
  const shelf = ModelShelf.of(id, options.cacheDir);
  await shelf.make();
  const work = async () => {
    const folder = here ?? path.join(shelf.downloads, repo.commit);
    if (here === undefined) await downloadFiles(repo, files, folder, { ...options, onProgress: undefined });
    await shelf.remember('main', repo.commit);
    return { folder, origin: repo.commit };
  };
  return withLock(shelf.folder, options.signal, work, options.onNotice);
}

const GEMMA_NOTICE =
  'Gemma is provided under and subject to the Gemma Terms of Use found at https://ai.google.dev/gemma/terms; ' +
  'they bind what is converted from it too.';

/** Once for a cache. */
async function showLicence({ id, licence }: HubRepo, options: ObtainOptions): Promise<void> {
  if (licence !== 'gemma' && !(licence === undefined && id.startsWith('google/'))) return;
  const cache = cacheFolder(options.cacheDir);
  const shown = path.join(cache, 'gemma-terms-shown');
  if (existsSync(shown)) return;
  notice(GEMMA_NOTICE, 'PALIGEMMA_LICENCE', options.onNotice);
  await mkdir(cache, { recursive: true });
  await writeFile(shown, `${new Date().toISOString()}\n`);
}
