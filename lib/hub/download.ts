// Files of a repository onto the disk. The hub's library lists them; the bytes are requested here, by plain range requests:
// its blobs send the token to storage hosts and hide the answer's status, without which a file cannot be continued safely,
// and its Xet protocol holds up to 256 MB in memory and speaks to hosts that mirrors of the hub do not have.
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { whole } from '../base/check.js';
import { freeSpace } from '../base/disk-space.js';
import { PaliGemmaError } from '../base/errors.js';
import { move } from '../base/move.js';
import { ProgressMeter } from '../base/progress.js';
import type { Progress } from '../types.js';
import type { HubFile, HubRepo } from './hub.js';
import { type Answer, failed, type HubAccess, HubClient, type HubTiming, Interruption, persist } from './hub-client.js';
import { checkFilePath } from './hub-files.js';
import { Mismatch, onDisk, PartialFile } from './partial-file.js';

export interface FetchOptions extends HubAccess, HubTiming {
  /** Called at most ten times a second, and a last time with everything done. What it throws ends the download. */
  onProgress?: (progress: Progress) => void;
  /** Files at the same time. Default 4. */
  parallel?: number;
}

/** Attempts at a file in a row that bring nothing new. */
const ATTEMPTS = 5;
/** Bytes that must stay free: a full disk harms everything else on it. */
const SPARE_BYTES = 64 << 20;

/**
 * Downloads files of a repository into a folder, which is made when missing. A file is written to `<path>.partial` and gets
 * its name once it is whole, flushed and matches its checksum; so a file that has its name and size is taken as done, and a
 * partial one is continued. Memory: a few network buffers a file.
 * @param options `endpoint` is that of the repository
 * @throws PaliGemmaError ERR_DISK_FULL (before anything is written when it can be foreseen), ERR_GATED_MODEL,
 *   ERR_MODEL_NOT_FOUND, ERR_INVALID_MODEL or ERR_DOWNLOAD_FAILED; the signal's reason when aborted. The first failure ends
 *   all files; what came stays for the next call.
 */
export async function downloadFiles(
  repo: HubRepo,
  files: HubFile[],
  folder: string,
  { onProgress, parallel = 4, ...access }: FetchOptions,
): Promise<void> {
  for (const file of files) checkFilePath(file.path);
  whole('parallel', parallel, 1, 64);
  access.signal?.throwIfAborted();
  const stop = new AbortController();
  const signal = access.signal ? AbortSignal.any([access.signal, stop.signal]) : stop.signal;
  const hub = await HubClient.connect({ ...access, signal, endpoint: repo.endpoint });

  const missing: HubFile[] = [];
  let present = 0;
  for (const file of files) {
    const target = path.join(folder, file.path);
    const done = (await sizeOf(target)) === file.size;
    if (!done) missing.push(file);
    const partial = done ? file.size : await sizeOf(`${target}.partial`);
    if (partial <= file.size) present += Math.max(partial, 0); // more than the file is no beginning of it
  }
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const meter = new ProgressMeter('download', total, onProgress, present);
  if (missing.length > 0) {
    await checkSpace(folder, total - present);
    meter.add(0);
  }

  let failure: { error: unknown } | undefined;
  const queue = missing.values();
  const work = async () => {
    try {
      for (const file of queue) {
        signal.throwIfAborted();
        await downloadFile({ hub, repo, file, target: path.join(folder, file.path), meter });
      }
    } catch (error) {
      failure ??= { error };
      stop.abort(error);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  if (failure) throw failure.error;
  meter.finish();
}

interface Job {
  hub: HubClient;
  repo: HubRepo;
  file: HubFile;
  target: string;
  meter: ProgressMeter;
}

async function downloadFile(job: Job): Promise<void> {
  const { hub, repo, file, target, meter } = job;
  await onDisk(mkdir(path.dirname(target), { recursive: true }));
  const partial = await PartialFile.open(`${target}.partial`, file, hub.signal);
  try {
    const attempt = () => receive(job, partial);
    for (let last = false; ; last = true) {
      try {
        await persist(hub, ATTEMPTS, `${file.path} of ${repo.id}`, attempt, () => partial.length);
        break;
      } catch (error) {
        if (!(error instanceof Mismatch)) throw error;
        meter.add(-partial.length);
        await partial.restart();
        if (!last) continue;
        await partial.remove();
        throw failed(`${file.path} of ${repo.id}, downloaded twice, ${error.message}`);
      }
    }
    await partial.flush();
  } finally {
    await partial.close();
  }
  await onDisk(move(`${target}.partial`, target));
}

/** One attempt at the rest of a file. */
async function receive({ hub, repo, file, meter }: Job, partial: PartialFile): Promise<void> {
  if (partial.length < file.size) {
    const url = `${repo.endpoint}/${repo.id}/resolve/${repo.commit}/${file.path.split('/').map(encodeURIComponent).join('/')}`;
    const asked = { id: repo.id, revision: repo.commit, file: file.path };
    const from = partial.length;
    const answer = await hub.get(url, asked, from > 0 ? { range: `bytes=${from}-` } : {});
    try {
      if (startOf(answer) !== from) {
        meter.add(-from);
        await partial.restart();
        if (startOf(answer) !== 0) throw new Interruption(`the server does not continue at byte ${from}`);
      }
      const announced = sizeIn(answer) ?? file.size;
      if (announced !== file.size)
        throw new Mismatch(`has ${announced} bytes instead of the ${file.size} that the hub lists`);
      for await (const chunk of answer.body) {
        if (partial.length + chunk.length > file.size)
          throw new Mismatch(`has more than the ${file.size} bytes that the hub lists`);
        await partial.append(chunk);
        meter.add(chunk.length);
      }
    } finally {
      answer.discard();
    }
    if (partial.length < file.size) throw new Interruption(`it ended after ${partial.length} of ${file.size} bytes`);
  }
  partial.verify();
}

const contentRange = ({ headers }: Answer) => /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get('content-range') ?? '');

/** The byte that an answer begins with; undefined when it holds nothing of the file. */
function startOf(answer: Answer): number | undefined {
  if (answer.status === 200) return 0;
  const range = answer.status === 206 ? contentRange(answer) : undefined;
  return range ? Number(range[1]) : undefined;
}

/** Bytes of the whole file according to an answer; undefined when it does not say. */
function sizeIn(answer: Answer): number | undefined {
  const length = answer.status === 206 ? contentRange(answer)?.[2] : answer.headers.get('content-length');
  return length && !answer.headers.has('content-encoding') ? Number(length) : undefined;
}

/** Bytes of a file, -1 when there is none. */
async function sizeOf(file: string): Promise<number> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() ? found.size : -1;
}

async function checkSpace(folder: string, bytes: number): Promise<void> {
  const { place, free } = await freeSpace(folder);
  if (bytes + SPARE_BYTES > free)
    throw new PaliGemmaError(
      'ERR_DISK_FULL',
      `the download needs ${gigabytes(bytes)} and ${gigabytes(SPARE_BYTES)} to spare; ${place} has ${gigabytes(free)} free`,
    );
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(2)} GB`;
