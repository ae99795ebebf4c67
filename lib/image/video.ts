import { execFile } from 'node:child_process';
import { PaliGemmaError, show } from '../base/errors.js';
import { Access } from './access.js';
import type { ImageInput } from './input.js';
import { filePath } from './locate.js';

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
 * The frames to show a model, as images. Of a file: each in the middle of one of `frames` equal parts. Of an array: all up to
 * 16, or `frames` of them, evenly spaced. Fewer than asked for are repeated from the start until there are enough.
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT; ERR_INVALID_IMAGE when the video cannot or may not be read, or ffmpeg is missing.
 */
export async function videoFrames(
  video: VideoInput,
  options: FrameOptions,
  signal?: AbortSignal,
  access: Access = Access.any,
): Promise<ImageInput[]> {
  const { frames = 8, range, ffmpeg = 'ffmpeg' } = options;
  if (!Number.isInteger(frames) || frames < 1 || frames > 16)
    throw wrong(`frames must be a whole number from 1 to 16, not ${show(frames)}`);
  if (range !== undefined) checkRange(range);
  if (typeof ffmpeg !== 'string' || ffmpeg === '')
    throw wrong(`ffmpeg must be the path of a program, not ${show(ffmpeg)}`);
  if (Array.isArray(video)) {
    if (video.length === 0) throw wrong('a video needs at least one frame');
    return pick(video, options.frames ?? Math.min(video.length, 16));
  }
  const file = await locate(video, access);
  const source: Source = { ffmpeg, file, limits: access.limited ? THIS_FILE_ALONE : [] };
  const length = await duration(source, signal);
  const [start, end] = [range?.[0] ?? 0, Math.min(range?.[1] ?? length, length)];
  if (start >= end) throw invalid(`${file} is ${length} seconds long and has nothing after second ${start}`);
  const images: Buffer[] = [];
  for (let i = 0; i < frames; i++) {
    const image = await grab(source, start + ((i + 0.5) * (end - start)) / frames, signal);
    if (image.length > 0) images.push(image);
  }
  if (images.length === 0) throw invalid(`${file} has no picture between ${start} and ${end} seconds`);
  return pick(images, frames);
}

/** Evenly spaced items; fewer than asked for are repeated from the start, as the reference does with short clips. */
function pick<T>(items: T[], count: number): T[] {
  const place = (i: number) =>
    items.length > count ? Math.floor(((i + 0.5) * items.length) / count) : i % items.length;
  return Array.from({ length: count }, (_, i) => items[place(i)] as T);
}

function checkRange(range: unknown): void {
  const [start, end] = Array.isArray(range) && range.length === 2 ? range : [];
  if (!(typeof start === 'number' && typeof end === 'number' && start >= 0 && end > start && Number.isFinite(end)))
    throw wrong(`range must be a start and a later end in seconds, not ${show(range)}`);
}

async function locate(video: string | URL, access: Access): Promise<string> {
  if (typeof video !== 'string' && !(video instanceof URL))
    throw wrong(`a video must be a path, a file URL or an array of images, not ${show(video)}`);
  const file = filePath(String(video));
  if (/^[a-z][a-z0-9+]+:\/\//i.test(file)) throw invalid(`${file} cannot be read: videos are read from files`);
  return access.locate(file, 'video');
}

/** A video, and what reads it. */
interface Source {
  ffmpeg: string;
  file: string;
  limits: string[];
}

/** Playlists and the like name further files and URLs, which no policy has seen: only containers that hold their frames. */
const CONTAINERS = 'mov,matroska,avi,mpegts,mpeg,mpegvideo,ogg,flv,asf,mxf,ivf,gif,apng,h264,hevc,m4v';
const THIS_FILE_ALONE = ['-protocol_whitelist', 'file', '-format_whitelist', CONTAINERS];

/** Runs ffmpeg on a file; resolves with what it wrote, also when it ends with an error. */
function run(
  { ffmpeg, file, limits }: Source,
  before: string[],
  after: string[],
  signal?: AbortSignal,
): Promise<{ out: Buffer; err: string }> {
  // "file:" keeps names such as "12:30.mp4" and "-" from being taken for something else.
  const args = ['-hide_banner', '-nostdin', ...before, ...limits, '-i', `file:${file}`, ...after];
  return new Promise((resolve, reject) => {
    const child = execFile(ffmpeg, args, { encoding: 'buffer', maxBuffer: 1 << 28, signal }, (error, out, err) => {
      if (signal?.aborted) reject(signal.reason);
      else if ((error as NodeJS.ErrnoException | null)?.syscall?.startsWith('spawn')) reject(missing(ffmpeg));
      else resolve({ out, err: err.toString('utf8') });
    });
    child.stdin?.end();
  });
}

function missing(ffmpeg: string) {
  const install = INSTALL[process.platform as keyof typeof INSTALL] ?? INSTALL.linux;
  return invalid(
    `videos are read with ffmpeg, and ${show(ffmpeg)} cannot be run: install it (${install}) or name it with the option ffmpeg`,
  );
}

/** Seconds, from what ffmpeg says of the file; where the file does not say it, from reading it through. */
async function duration(source: Source, signal?: AbortSignal): Promise<number> {
  const { file } = source;
  const { err } = await run(source, [], [], signal);
  if (!/ffmpeg|Input #|file:/i.test(err)) throw missing(source.ffmpeg);
  if (!/Stream #.*Video:/.test(err)) throw invalid(`${file} is not a video that ffmpeg can read`);
  const said = /Duration: (\d+):(\d\d):(\d\d\.\d+)/.exec(err);
  const read =
    said ??
    [...(await run(source, [], ['-f', 'null', '-'], signal)).err.matchAll(/time=(\d+):(\d\d):(\d\d\.\d+)/g)].at(-1);
  const seconds = read ? Number(read[1]) * 3600 + Number(read[2]) * 60 + Number(read[3]) : 0;
  if (seconds <= 0) throw invalid(`${file} is not a video that ffmpeg can read`);
  return seconds;
}

/** The frame shown at a time, as PNG; empty when there is none any more. */
async function grab(source: Source, time: number, signal?: AbortSignal): Promise<Buffer> {
  const png = ['-frames:v', '1', '-f', 'image2pipe', '-c:v', 'png', '-'];
  return (await run(source, ['-v', 'error', '-ss', time.toFixed(6)], png, signal)).out;
}
