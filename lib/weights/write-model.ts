import { existsSync } from 'node:fs';
import { mkdir, rm, rmdir, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { GgufEntry, GgufPlan } from '../addon/gguf.js';
import { native } from '../addon/native.js';
import { freeSpace } from '../base/disk-space.js';
import { PaliGemmaError, reasonOf } from '../base/errors.js';
import { move } from '../base/move.js';
import { ProgressMeter } from '../base/progress.js';
import { storedBytes } from '../checkpoint/stored-tensor.js';
import type { Progress } from '../types.js';
import { withLock } from './lock.js';
import { checkModelFiles, MODEL_FILES } from './model-folder.js';
import { plannedBytes } from './tensor-plan.js';

/** One of the two files of a model. */
export interface Part {
  name: (typeof MODEL_FILES)[keyof typeof MODEL_FILES];
  values: GgufEntry[];
  tensors: GgufPlan['tensors'];
  /** Bytes of the source. */
  sourceBytes: number;
}

export interface WriteOptions {
  onProgress?: (progress: Progress) => void;
  signal?: AbortSignal;
}

export interface WrittenFile {
  path: string;
  bytes: number;
  tensors: number;
}

export const sourceBytes = (tensors: { stored: Parameters<typeof storedBytes>[0] }[]): number =>
  tensors.reduce((sum, { stored }) => sum + storedBytes(stored), 0);

/**
 * Writes a model into a folder. Files are written aside, in `.partial` inside the folder, flushed, checked as `load` checks
 * them, and then moved: at any moment the folder holds the old model, the new one, or (between two renames) none.
 * Two processes with the same target work one after the other.
 * @throws PaliGemmaError ERR_DISK_FULL, ERR_CONVERSION_FAILED; the signal's reason; what `onProgress` throws
 */
export async function writeModel(parts: [Part, Part], target: string, options: WriteOptions): Promise<WrittenFile[]> {
  const made = await makeFolder(target);
  try {
    return await withLock(target, options.signal, () => replace(parts, target, options));
  } catch (error) {
    if (made !== undefined) await removeEmpty(target, made);
    if (error instanceof CallbackError) throw error.thrown;
    throw error instanceof PaliGemmaError || options.signal?.aborted ? error : writeError(target, error);
  }
}

async function replace(parts: [Part, Part], target: string, options: WriteOptions): Promise<WrittenFile[]> {
  const aside = path.join(target, '.partial');
  await rm(aside, { recursive: true, force: true }); // of a process that was killed
  await checkSpace(parts, target);
  const meter = new ProgressMeter(
    'convert',
    parts.reduce((sum, part) => sum + part.sourceBytes, 0),
    options.onProgress,
  );
  try {
    await mkdir(aside);
    let before = 0;
    for (const part of parts) {
      await writePart(part, path.join(aside, part.name), before, meter, options.signal);
      before += part.sourceBytes;
    }
    const [text, vision] = parts.map((part) => path.join(aside, part.name)) as [string, string];
    await checkModelFiles(text, vision); // what load would refuse must not take the place of something good
    reporting(() => meter.finish());
    await takePlace(parts, aside, target);
  } finally {
    await rm(aside, { recursive: true, force: true }).catch(() => {});
  }
  return Promise.all(
    parts.map(async (part) => {
      const file = path.join(target, part.name);
      return { path: file, bytes: (await stat(file)).size, tensors: part.tensors.length };
    }),
  );
}

/** Without the old vision tower first, a crash between the renames would leave halves of two models that fit. */
async function takePlace(parts: [Part, Part], aside: string, target: string): Promise<void> {
  const tower = path.join(target, MODEL_FILES.vision);
  const old = path.join(aside, `old-${MODEL_FILES.vision}`);
  const had = existsSync(tower);
  if (had) await move(tower, old);
  const place = ({ name }: Part) => move(path.join(aside, name), path.join(target, name));
  const [text, vision] = parts;
  await place(text).catch(async (error) => {
    if (had) await move(old, tower); // Windows replaces no file of a model that is loaded: it stays whole
    throw error;
  });
  await place(vision);
}

async function writePart(part: Part, file: string, before: number, meter: ProgressMeter, signal?: AbortSignal) {
  signal?.throwIfAborted();
  const plan = { path: file, threads: os.availableParallelism(), values: part.values, tensors: part.tensors };
  const job = native().writeGguf(plan, (done) => reporting(() => meter.update(before + done)));
  signal?.addEventListener('abort', job.cancel, { once: true });
  try {
    await job.promise;
  } finally {
    signal?.removeEventListener('abort', job.cancel);
  }
  signal?.throwIfAborted();
}

/** Carries what a caller's callback threw, to be told from what went wrong here. */
class CallbackError extends Error {
  constructor(readonly thrown: unknown) {
    super('a progress callback threw');
  }
}

function reporting(report: () => void): void {
  try {
    report();
  } catch (error) {
    throw new CallbackError(error);
  }
}

/** The first folder that had to be made. */
const makeFolder = (target: string): Promise<string | undefined> =>
  mkdir(target, { recursive: true }).catch((error) => {
    throw writeError(target, error);
  });

/** Removes what `makeFolder` made, as far as it is still empty. */
async function removeEmpty(target: string, made: string): Promise<void> {
  for (let folder = path.resolve(target); ; folder = path.dirname(folder)) {
    if (
      !(await rmdir(folder).then(
        () => true,
        () => false,
      ))
    )
      return;
    if (folder === path.resolve(made)) return;
  }
}

/** Room that a file system needs beside the data. */
const SPARE_BYTES = 16 << 20;

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;

async function checkSpace(parts: Part[], target: string): Promise<void> {
  const needed = parts.reduce((sum, part) => sum + plannedBytes(part.tensors), SPARE_BYTES);
  const { free } = await freeSpace(target);
  if (free >= needed) return;
  throw new PaliGemmaError(
    'ERR_DISK_FULL',
    `${target} has ${megabytes(free)} free, the model needs ${megabytes(needed)}: make room, choose another folder or fewer bits`,
  );
}

const NO_SPACE = /ENOSPC|EDQUOT|no space left|quota exceeded/i;

function writeError(target: string, error: unknown): PaliGemmaError {
  return NO_SPACE.test(reasonOf(error))
    ? new PaliGemmaError('ERR_DISK_FULL', `the disk is full; nothing was left in ${target}: ${reasonOf(error)}`, {
        cause: error,
      })
    : new PaliGemmaError('ERR_CONVERSION_FAILED', `writing to ${target} failed: ${reasonOf(error)}`, { cause: error });
}
