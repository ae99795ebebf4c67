import { existsSync } from 'node:fs';
import path from 'node:path';
import { brief, PaliGemmaError } from '../base/errors.js';
import { packageRoot } from '../base/package-root.js';
import { isCheckpoint } from '../checkpoint/open.js';
import { isHubId } from '../hub/hub.js';
import { findModel, obtainModel } from '../hub/obtain.js';
import type { LoadOptions } from '../types.js';
import { isModelFolder, type OpenedModel, openModelFolder } from '../weights/model-folder.js';
import { refuseAdditions, refuseOtherTypes } from '../weights/ready.js';

/** What the model that comes with the package is called; a folder of that name is `./embedded`. */
export const EMBEDDED = 'embedded';

/** Folder of the small emoji model that comes with the package. */
export const embeddedModel = (): string => path.join(packageRoot(), 'models', 'paligemma-emoji-112');

const notFound = (what: string) => new PaliGemmaError('ERR_MODEL_NOT_FOUND', what);

/**
 * Opens what `load` was given: a model folder, `embedded` (or nothing) for the embedded model, or a checkpoint or hub id, which is fetched and
 * converted into the cache unless it is there.
 * @throws PaliGemmaError ERR_MODEL_NOT_FOUND saying what to do instead, and what fetching and converting throw.
 */
export async function openModel(model: string | undefined, options: LoadOptions = {}): Promise<OpenedModel> {
  const source = sourceOf(model);
  if (isCheckpoint(source) || (isHubId(source) && !isModelFolder(source)))
    return open(await obtainModel(source, options), options);
  return openReady(source, options);
}

/** The same without fetching or converting anything. */
export async function openPresentModel(model: string | undefined, options: LoadOptions = {}): Promise<OpenedModel> {
  const source = sourceOf(model);
  if (!isCheckpoint(source) && !isHubId(source)) return openReady(source, options);
  const found = await findModel(source, options);
  if (found !== undefined) return open(found, options);
  throw notFound(`${source} is not in the cache in this form: fetch and convert it with: paligemma download ${source}`);
}

const sourceOf = (model = EMBEDDED): string => (model === EMBEDDED ? embeddedModel() : model);

function converted(folder: string): string {
  if (isModelFolder(folder)) return folder;
  if (existsSync(folder))
    throw notFound(`${folder} holds no model: neither model.gguf and mmproj.gguf nor a checkpoint to convert`);
  throw notFound(`no such model: ${brief(folder)} is neither a folder nor a hub id (owner/name) nor 'embedded'`);
}

function openReady(source: string, options: LoadOptions): Promise<OpenedModel> {
  const folder = converted(source);
  refuseAdditions(folder, options);
  return open(folder, options);
}

async function open(folder: string, options: LoadOptions): Promise<OpenedModel> {
  const opened = await openModelFolder(folder);
  refuseOtherTypes(opened, options);
  return { ...opened, embedded: path.resolve(folder) === embeddedModel() };
}
