// Where the files of a repository come from: the disk, or the hub.
import path from 'node:path';
import type { LoadOptions } from '../types.js';
import { ModelShelf } from './cache.js';
import { type HubFile, type HubRepo, openRepo } from './hub.js';
import { type HubContent, neededFiles } from './hub-files.js';
import { isOffline, notHere } from './offline.js';
import { pythonSnapshot, type Snapshot, snapshotIn } from './snapshot.js';

type Options = Pick<LoadOptions, 'cacheDir' | 'localFilesOnly' | 'token' | 'signal'>;

/** What a repository holds that is needed, and where it is when it need not be fetched. */
export interface Source {
  repo: HubRepo;
  content: HubContent;
  files: HubFile[];
  folder?: string;
}

/** @param ask the hub, also when a copy is here @throws PaliGemmaError as `openRepo`, and ERR_MODEL_NOT_FOUND offline */
export async function sourceOf(id: string, revision: string, options: Options, ask: boolean): Promise<Source> {
  const offline = isOffline(options);
  const here = ask && !offline ? undefined : await snapshotOf(id, revision, options);
  if (here) {
    const { commit, content, files, folder, licence } = here;
    return { repo: { id, commit, endpoint: '', files, licence }, content, files, folder };
  }
  if (offline) throw notHere(id, options);
  const repo = await openRepo(id, revision, options);
  const needed = neededFiles(repo);
  const copy = await pythonSnapshot(id, repo.commit);
  const whole = needed.files.every((file) =>
    copy?.files.some((has) => has.path === file.path && has.size === file.size),
  );
  return { repo, ...needed, ...(copy && whole ? { folder: copy.folder } : {}) };
}

/** A copy that is here: kept by a download, or in Python's cache. */
export async function snapshotOf(id: string, revision: string, { cacheDir }: Options): Promise<Snapshot | undefined> {
  const shelf = ModelShelf.of(id, cacheDir);
  const commit = await shelf.commitOf(revision);
  const kept = commit === undefined ? undefined : await snapshotIn(id, commit, path.join(shelf.downloads, commit));
  return kept ?? (await pythonSnapshot(id, revision));
}
