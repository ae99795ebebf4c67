// What a repository on the Hugging Face hub holds.
import { existsSync } from 'node:fs';
import { invalid } from '../base/check.js';
import { PaliGemmaError, reasonOf, show } from '../base/errors.js';
import { failed, type HubAccess, HubClient, type HubTiming, Interruption, persist } from './hub-client.js';

export interface HubFile {
  path: string;
  /** Bytes. */
  size: number;
  /** Of the content; absent for small files that git itself stores, which are checked by their sizes. */
  sha256?: string;
}

export interface HubRepo {
  id: string;
  /** The commit that the revision stands for. */
  commit: string;
  endpoint: string;
  files: HubFile[];
  /** Licence id from the model card's data, such as `gemma`. */
  licence?: string;
}

/** The hub's own rules for names: https://huggingface.co/docs/huggingface_hub `validate_repo_id`. */
const NAME = /^\w(?:[\w.-]{0,94}\w)?$/;

const hasIdForm = (text: string): boolean => {
  const names = text.split('/');
  return names.length === 2 && names.every((name) => NAME.test(name)) && !/--|\.\.|\.git$/.test(text);
};

/** Whether a text is a hub id, `owner/name`, and not a path that exists. */
export const isHubId = (model: string): boolean => hasIdForm(model) && !existsSync(model);

/** Attempts at the listing: few, so that a hub that cannot be reached is said soon. */
const LISTING_ATTEMPTS = 3;

/**
 * Asks the hub for the commit of a revision (branch, tag or commit) and the files of that commit.
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT, ERR_MODEL_NOT_FOUND, ERR_GATED_MODEL (also when a repository does not exist
 *   and no token is given: the hub does not tell them apart) or ERR_DOWNLOAD_FAILED; the signal's reason when aborted.
 */
export async function openRepo(id: string, revision: string, access: HubAccess & HubTiming): Promise<HubRepo> {
  if (!hasIdForm(id)) throw invalid(`a model on the hub is named owner/name, not ${show(id)}`);
  if (revision === '') throw invalid('revision must be a branch, a tag or a commit, not an empty text');
  access.signal?.throwIfAborted();
  const hub = await HubClient.connect(access);
  const { listFiles, modelInfo } = await import('@huggingface/hub'); // not before it is needed: 40 ms
  const library = {
    hubUrl: hub.endpoint,
    // The library's `accessToken` must begin with hf_, which tokens of other hubs do not, and it knows no abort.
    fetch: async (url: unknown) => {
      const answer = await hub.get(String(url), { id, revision });
      const chunks: Uint8Array[] = [];
      for await (const chunk of answer.body) chunks.push(chunk);
      return new Response(Buffer.concat(chunks), { headers: answer.headers });
    },
  };
  return await persist(hub, LISTING_ATTEMPTS, `the listing of ${id}`, async () => {
    try {
      const info = await modelInfo({ ...library, name: id, revision, additionalFields: ['sha', 'cardData'] });
      if (!isCommit(info.sha)) throw new Error(`the commit is ${show(info.sha)}`);
      const files: HubFile[] = [];
      // Of the commit, so that files and commit belong together when the branch moves meanwhile.
      for await (const entry of listFiles({ ...library, repo: id, revision: info.sha, recursive: true }))
        if (entry.type === 'file') files.push(toFile(entry));
      return { id, commit: info.sha, endpoint: hub.endpoint, files, licence: licenceOf(info.cardData) };
    } catch (error) {
      if (hub.signal?.aborted || error instanceof PaliGemmaError || error instanceof Interruption) throw error;
      throw failed(`${hub.endpoint} does not answer as a hub does for ${id}: ${reasonOf(error)}`, error);
    }
  });
}

/** Git's 40 hexadecimal digits on the hub; other servers that speak its protocol name versions in their own way. */
export const isCommit = (text: unknown): text is string =>
  typeof text === 'string' && /^[\w.-]{1,64}$/.test(text) && !/^\.+$/.test(text);

type Entry = { path: string; size: number; lfs?: { oid?: string; size: number } };

function toFile({ path: name, size: stored, lfs }: Entry): HubFile {
  const size = lfs?.size ?? stored;
  const sha256 = lfs?.oid?.replace(/^sha256:/, '');
  if (typeof name !== 'string' || !Number.isSafeInteger(size) || size < 0 || !/^([0-9a-f]{64})?$/.test(sha256 ?? ''))
    throw new Error(`no path, size and checksum in ${JSON.stringify({ name, size, sha256 })}`);
  return { path: name, size, ...(sha256 ? { sha256 } : {}) };
}

function licenceOf(card?: { license?: string | string[] }): string | undefined {
  const [licence] = [card?.license].flat();
  return typeof licence === 'string' ? licence : undefined;
}
