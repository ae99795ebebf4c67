// Repositories that are on the disk already: in the cache of Python's huggingface_hub, or downloaded and kept.
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type HubFile, isCommit } from './hub.js';
import { checkFilePath, type HubContent, neededFiles } from './hub-files.js';
import { huggingFaceHome } from './token.js';

export interface Snapshot {
  commit: string;
  folder: string;
  content: HubContent;
  files: HubFile[];
  licence?: string;
}

/** Where Python keeps repositories: https://huggingface.co/docs/huggingface_hub/guides/manage-cache */
function pythonCache(): string | undefined {
  const { HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE } = process.env;
  const home = huggingFaceHome();
  return HF_HUB_CACHE || HUGGINGFACE_HUB_CACHE || (home && path.join(home, 'hub'));
}

/** A repository in Python's cache, if all that is needed of it is there. @param revision branch, tag or commit */
export async function pythonSnapshot(id: string, revision: string): Promise<Snapshot | undefined> {
  const cache = pythonCache();
  if (cache === undefined || !isInside(revision)) return undefined;
  const repo = path.join(cache, `models--${id.replace('/', '--')}`);
  const ref = await readFile(path.join(repo, 'refs', revision), 'utf8').catch(() => revision);
  const commit = ref.trim();
  return isCommit(commit) ? snapshotIn(id, commit, path.join(repo, 'snapshots', commit)) : undefined;
}

function isInside(revision: string): boolean {
  try {
    checkFilePath(revision);
    return true;
  } catch {
    return false;
  }
}

/** The same of any folder that holds the files of a commit. Links are followed; such that lead nowhere are no files. */
export async function snapshotIn(id: string, commit: string, folder: string): Promise<Snapshot | undefined> {
  const names = await readdir(folder).catch(() => []);
  const files: HubFile[] = [];
  for (const name of names) {
    const found = await stat(path.join(folder, name)).catch(() => undefined);
    if (found?.isFile()) files.push({ path: name, size: found.size });
  }
  try {
    const needed = neededFiles({ id, files });
    if (
      needed.content === 'checkpoint' &&
      !needed.files.some(({ path: name }) => /^tokenizer\.(model|json)$/.test(name))
    )
      return undefined;
    const card = await readFile(path.join(folder, 'README.md'), 'utf8').catch(() => '');
    const [, about = ''] = card.split(/^---\s*$/m);
    const licence = /^license:\s*([\w.-]+)/m.exec(about)?.[1];
    return { commit, folder, ...needed, ...(licence === undefined ? {} : { licence }) };
  } catch {
    return undefined; // not all of it, as where a program needed one file
  }
}
