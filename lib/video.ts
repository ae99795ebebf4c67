import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { PaliGemmaError, show } from './errors.js';
import type { ImageInput } from './image.js';

/** A video file, as a path or a `file:` URL, or its frames. */
export type VideoInput = string | URL | ImageInput[];

export interface FrameOptions {
  /** Frames to look at, evenly spaced. Default 8, at most 16, as PaliGemma's video checkpoints were trained. */
  frames?: number;
  /** Start and end of the part to look at, in seconds. Default: the whole video. */
  range?: [start: number, end: number];
  /** The program that reads videos. Default `ffmpeg`, from the PATH. */
  ffmpeg?: string;
}

const invalid = (message: string, cause?: unknown) => new PaliGemmaError('ERR_INVALID_IMAGE', message, { cause });
const wrong = (message: string) => new PaliGemmaError('ERR_INVALID_ARGUMENT', message);

const INSTALL = { linux: 'apt-get install ffmpeg', darwin: 'brew install ffmpeg', win32: 'winget install Gyan.FFmpeg' };

/**
 * The frames to show a model, as images. Of a file: each in the middle of one of `frames` equal parts. Fewer frames than
 * asked for, as of an array or a very short clip, are repeated from the start until there are enough.
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT; ERR_INVALID_IMAGE when the video cannot be read or ffmpeg is missing.
 */
export async function videoFrames(
  video: VideoInput,
  options: FrameOptions,
  signal?: AbortSignal,
): Promise<ImageInput[]> {
  const { frames = 8, range, ffmpeg = 'ffmpeg' } = options;
  if (!Number.isInteger(frames) || frames < 1 || frames > 16)
    throw wrong(`frames must be a whole number from 1 to 16, not ${show(frames)}`);
  if (range !== undefined) checkRange(range);
  if (Array.isArray(video)) {
    if (video.length === 0) throw wrong('a video needs at least one frame');
    if (video.length > 16) throw wrong(`at most 16 frames can be shown, not ${video.length}`);
    return repeat(video, options.frames === undefined ? video.length : frames);
  }
  const file = await locate(video);
  const [start, end] = range ?? [0, await duration(ffmpeg, file, signal)];
  const times = Array.from({ length: frames }, (_, i) => start + ((i + 0.5) * (end - start)) / frames);
  const images: Buffer[] = [];
  for (const time of times) {
    const image = await grab(ffmpeg, file, time, signal);
    if (image.length > 0) images.push(image);
  }
  if (images.length === 0) throw invalid(`${file} has no picture between ${start} and ${end} seconds`);
  return repeat(images, frames);
}

const repeat = <T>(items: T[], count: number): T[] =>
  Array.from({ length: Math.max(count, items.length) }, (_, i) => items[i % items.length] as T);

function checkRange(range: unknown): void {
  const [start, end] = Array.isArray(range) && range.length === 2 ? range : [];
  if (!(typeof start === 'number' && typeof end === 'number' && start >= 0 && end > start && Number.isFinite(end)))
    throw wrong(`range must be a start and a later end in seconds, not ${show(range)}`);
}

async function locate(video: string | URL): Promise<string> {
  if (typeof video !== 'string' && !(video instanceof URL))
    throw wrong(`a video must be a path, a file URL or an array of images, not ${show(video)}`);
  const file = /^file:/i.test(String(video)) ? fileURLToPath(video) : String(video);
  if (/^[a-z][a-z0-9+]+:\/\//i.test(file)) throw invalid(`${file} cannot be read: videos are read from files`);
  const found = await stat(file).catch(() => undefined);
  if (!found) throw invalid(`no such video file: ${file}`);
  if (!found.isFile()) throw invalid(`${file} is no file`);
  return file;
}

/** Runs ffmpeg; resolves with what it wrote, also when it ends with an error. */
function run(ffmpeg: string, args: string[], signal?: AbortSignal): Promise<{ out: Buffer; err: string }> {
  return new Promise((resolve, reject) => {
    execFile(
      ffmpeg,
      ['-hide_banner', '-nostdin', ...args],
      { encoding: 'buffer', maxBuffer: 1 << 28, signal },
      (error, out, err) => {
        if (signal?.aborted) reject(signal.reason);
        else if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT') reject(missing(ffmpeg));
        else resolve({ out, err: err.toString('utf8') });
      },
    );
  });
}

function missing(ffmpeg: string) {
  const install = INSTALL[process.platform as keyof typeof INSTALL] ?? INSTALL.linux;
  return invalid(
    `videos are read with ffmpeg, and ${show(ffmpeg)} was not found: install it (${install}) or name it with the option ffmpeg`,
  );
}

/** Seconds, from what ffmpeg says of the file. */
async function duration(ffmpeg: string, file: string, signal?: AbortSignal): Promise<number> {
  const { err } = await run(ffmpeg, ['-i', file], signal);
  const found = /Duration: (\d+):(\d\d):(\d\d\.\d+)/.exec(err);
  const seconds = found ? Number(found[1]) * 3600 + Number(found[2]) * 60 + Number(found[3]) : 0;
  if (!/Stream #.*Video:/.test(err) || seconds <= 0) throw invalid(`${file} is not a video that ffmpeg can read`);
  return seconds;
}

/** The frame shown at a time, as PNG; empty when there is none any more. */
async function grab(ffmpeg: string, file: string, time: number, signal?: AbortSignal): Promise<Buffer> {
  const { out } = await run(
    ffmpeg,
    ['-v', 'error', '-ss', time.toFixed(6), '-i', file, '-frames:v', '1', '-f', 'image2pipe', '-c:v', 'png', '-'],
    signal,
  );
  return out;
}
