import { type ErrorCode, PaliGemmaError } from '../base/errors.js';
import { isDataUrl } from '../image/data-url.js';
import type { ImageInput } from '../image/input.js';
import type { Choice } from '../tasks/choose.js';
import type { Detection } from '../tasks/detect.js';
import { allOptions, type TaskName } from '../tasks/index.js';
import type { RunLength } from '../tasks/rle.js';
import type { TaskOptions, Timings } from '../types.js';

/** What to ask about a picture. */
export interface BatchQuestion {
  /** Default: `generate` with a prompt, `choose` with choices, `answer` with a question, `detect` with labels, else `caption`. */
  task?: TaskName;
  prompt?: string;
  question?: string;
  choices?: string[];
  context?: string;
  /** With choices: give the probability of each. */
  score?: boolean;
  labels?: string | string[];
  constrained?: boolean;
  language?: string;
  /** Options of tasks by their names; see `tasks`. */
  [option: string]: unknown;
}

/** What a batch asks of every item that does not say otherwise. */
export interface BatchRequest extends BatchQuestion, Omit<TaskOptions, 'signal'> {}

/** One picture of a batch. Its own question goes before the batch's. Fields of other names are carried over to its result. */
export interface BatchItem extends BatchQuestion {
  /** By which a result is known and a finished item skipped. Default: the path or URL, else the item's number. */
  id?: string;
  /** The tar that it is from. */
  source?: string;
  image: ImageInput;
  [field: string]: unknown;
}

/** An entry of a source that is no item, such as a line of a list that cannot be read: it becomes an error, the rest goes on. */
export interface Unusable {
  id: string;
  error: PaliGemmaError;
}

interface Answered {
  /** `length`: a limit cut the answer off. Absent where whoever answered does not say. */
  finishReason?: 'stop' | 'length';
  timings: Timings;
  error?: undefined;
}

/** What a picture was answered with, in its JSON form: a text, objects, or a choice. */
export type BatchAnswer = Answered &
  (
    | { text: string; objects?: undefined; choice?: undefined }
    /** Of `detect` and `segment`; masks in COCO's run-length form. */
    | { text?: undefined; objects: (Detection & { mask?: RunLength | null })[]; choice?: undefined }
    | { text?: undefined; objects?: undefined; choice: Choice }
  );

/** Why there is no answer. */
export interface BatchFailure {
  error: BatchError;
  text?: undefined;
  objects?: undefined;
  choice?: undefined;
  timings?: undefined;
}

/** An item's outcome, of whoever works on it. */
export type Outcome = BatchAnswer | BatchFailure;

/** Why there is no answer: one of the library's codes or `ERR_UNKNOWN`, and the message. */
export interface BatchError {
  code: ErrorCode | 'ERR_UNKNOWN';
  message: string;
}

/** An item's answer, or why there is none (`if (result.error)` tells which), with the item's own fields. */
export type BatchResult = Outcome & {
  id: string;
  /** Place of the item in the source, from 0. */
  index: number;
  /** Path or URL, where the image is one. */
  image?: string;
  /** Fields of the item that have the name of a field of the result. */
  input?: Record<string, unknown>;
  [field: string]: unknown;
};

/** Files of an item that belong together, by the ends of their names (`jpg`, `json`): what a tar keeps of it. */
export const FILES = Symbol('files');
/** What {@link FILES} holds: `extension` without its dot. */
export type SampleFiles = { extension: string; data: Uint8Array }[];

/** Tells an {@link Unusable} from an item and from a plain image. */
export const isUnusable = (entry: BatchItem | ImageInput | Unusable): entry is Unusable =>
  typeof entry === 'object' && entry !== null && 'error' in entry && entry.error instanceof PaliGemmaError;

/** Raw pixels and Blobs are images, not items. */
export const isItem = (value: BatchItem | ImageInput): value is BatchItem =>
  typeof value === 'object' && value !== null && 'image' in value;

/** Path or URL of an item's picture; undefined of one that is there as bytes or pixels. */
export const imagePath = ({ image }: BatchItem): string | undefined =>
  (typeof image === 'string' || image instanceof URL) && !isDataUrl(image) ? String(image) : undefined;

/** What an entry holds in memory, in bytes: its picture, or all its files. */
export function heldBytes(entry: BatchItem | Unusable): number {
  if (isUnusable(entry)) return 0;
  const { image } = entry;
  const files = (entry as { [FILES]?: SampleFiles })[FILES];
  if (files) return files.reduce((sum, { data }) => sum + data.length, 0);
  if (image instanceof Uint8Array || image instanceof ArrayBuffer) return image.byteLength;
  if (isDataUrl(image)) return String(image).length;
  if (image instanceof Blob) return image.size;
  return typeof image === 'object' && image !== null && 'data' in image ? (image.data?.length ?? 0) : 0;
}

/** Whether a picture is named by an http(s) URL. */
export const isUrl = (image: string): boolean => /^https?:\/\//i.test(image);

/** The id an entry has in results: its own, else its picture's path or URL, else its place. */
export const itemId = (entry: BatchItem | Unusable, index: number): string =>
  entry.id ?? (isUnusable(entry) ? undefined : imagePath(entry)) ?? String(index);

const DISTINGUISHING = ['source', 'task', ...Object.keys(allOptions)];

/** What tells two entries apart, of an item as of its result: the id, with where it is from and what it asks by itself. */
export function keyOf(id: string, fields: object): string {
  const own = DISTINGUISHING.map((name) => (fields as Record<string, unknown>)[name] ?? null);
  return own.every((value) => value === null) ? id : JSON.stringify([id, ...own]);
}
