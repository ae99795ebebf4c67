import { existsSync } from 'node:fs';
import path from 'node:path';
import { PaliGemmaError } from './errors.js';
import { packageRoot } from './package-root.js';
import { isCheckpoint } from './weights/checkpoint.js';
import { isModelFolder, type ModelFolder, openModelFolder } from './weights/model-folder.js';

/** Folder of the small emoji model that comes with the package. */
export const embeddedModel = (): string => path.join(packageRoot(), 'models', 'paligemma-emoji-112');

/**
 * Opens what `load` and `info` were given: a model folder, or nothing for the embedded model.
 * @throws PaliGemmaError ERR_MODEL_NOT_FOUND saying what to do instead.
 */
export async function openModel(model: string | undefined): Promise<ModelFolder & { embedded: boolean }> {
  const folder = model ?? embeddedModel();
  if (isModelFolder(folder))
    return { ...(await openModelFolder(folder)), embedded: path.resolve(folder) === embeddedModel() };
  const notFound = (what: string) => new PaliGemmaError('ERR_MODEL_NOT_FOUND', what);
  if (isCheckpoint(folder))
    throw notFound(
      `${folder} is a Hugging Face checkpoint: convert it once with: paligemma convert ${folder} TARGET, and load TARGET`,
    );
  if (existsSync(folder)) throw notFound(`${folder} is no model folder: model.gguf and mmproj.gguf are missing`);
  throw notFound(
    `no such model folder: ${folder}; make one from a Hugging Face checkpoint with: paligemma convert SOURCE TARGET`,
  );
}
