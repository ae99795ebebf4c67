// Without the network: what may not be fetched, and what to do about it.
import { PaliGemmaError } from '../base/errors.js';

/** Whether nothing may be fetched: by the option, or by `HF_HUB_OFFLINE` as Python's huggingface_hub reads it. */
export const isOffline = ({ localFilesOnly }: { localFilesOnly?: boolean | undefined }): boolean =>
  localFilesOnly === true || /^(1|ON|YES|TRUE)$/i.test(process.env.HF_HUB_OFFLINE ?? '');

export function notHere(id: string, { localFilesOnly }: { localFilesOnly?: boolean | undefined }): PaliGemmaError {
  const why = localFilesOnly === true ? 'localFilesOnly is set' : 'HF_HUB_OFFLINE is set';
  return new PaliGemmaError(
    'ERR_MODEL_NOT_FOUND',
    `${id} is not in the cache in this form, and this is offline (${why}): fetch it where there is a network, with: paligemma download ${id}`,
  );
}
