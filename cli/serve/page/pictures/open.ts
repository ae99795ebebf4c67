import { kindOfFile, refusal, serverReads } from './kinds';

/** A picture that the browser can show. */
export interface OpenPicture {
  /** Of the whole picture. */
  url: string;
  thumbnail: string;
  /** Pixels, upright. */
  width: number;
  height: number;
  /** What the server gets. */
  sent: Blob;
}

const THUMBNAIL = 160;

/** Opens a file. @throws Error with a message for the user */
export async function openPicture(file: File): Promise<OpenPicture> {
  const kind = await kindOfFile(file).catch(() => {
    throw new Error('This file cannot be read any more. Was it moved or removed? Add it again.');
  });
  const url = URL.createObjectURL(file);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image;
    if (width === 0 || height === 0) throw new Error('no extent');
    const thumbnail = URL.createObjectURL(await thumbnailOf(image, width, height));
    // What the browser can open and the server cannot (HEIC in Safari, SVG) is drawn anew for it.
    const sent = serverReads(kind) ? new Blob([file], { type: kind }) : await redrawn(image, width, height);
    return { url, thumbnail, width, height, sent };
  } catch {
    URL.revokeObjectURL(url);
    throw new Error(refusal(file.name, kind, file.type));
  }
}

export function closePicture({ url, thumbnail }: OpenPicture): void {
  URL.revokeObjectURL(url);
  URL.revokeObjectURL(thumbnail);
}

const thumbnailOf = (image: HTMLImageElement, width: number, height: number) => {
  const scale = Math.min(1, THUMBNAIL / Math.min(width, height));
  return drawn(
    image,
    Math.max(1, Math.round(width * scale)),
    Math.max(1, Math.round(height * scale)),
    'image/webp',
    0.8,
  );
};

const redrawn = (image: HTMLImageElement, width: number, height: number) => drawn(image, width, height, 'image/png');

function drawn(image: HTMLImageElement, width: number, height: number, type: string, quality?: number): Promise<Blob> {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  canvas.getContext('2d')?.drawImage(image, 0, 0, width, height);
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no room'))), type, quality),
  );
}

/** As it stands in a request. */
export function dataUrl(blob: Blob): Promise<string> {
  const reader = new FileReader();
  return new Promise((resolve, reject) => {
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () =>
      reject(new Error('This file cannot be read any more. Was it moved or removed? Add it again.'));
    reader.readAsDataURL(blob);
  });
}
