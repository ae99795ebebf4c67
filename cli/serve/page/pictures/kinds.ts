// What a file is, by its first bytes: names and types of files are often wrong.

/** Those that the server reads. */
const SERVER_READS = ['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/avif'];

const ascii = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));

/** A media type, or an empty text when it is none of those that are known here. */
export async function kindOfFile(file: Blob): Promise<string> {
  const bytes = new Uint8Array(await file.slice(0, 12).arrayBuffer());
  if (ascii(bytes, 1, 4) === 'PNG') return 'image/png';
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return 'image/jpeg';
  if (ascii(bytes, 0, 4) === 'GIF8') return 'image/gif';
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 12) === 'WEBP') return 'image/webp';
  if (ascii(bytes, 4, 8) !== 'ftyp') return '';
  const brand = ascii(bytes, 8, 12);
  if (brand.startsWith('avi')) return 'image/avif';
  return /^(hei|hev|mif1|msf1)/.test(brand) ? 'image/heic' : '';
}

export const serverReads = (kind: string): boolean => SERVER_READS.includes(kind);

/** Why a file cannot be shown, and what to do. */
export function refusal(name: string, kind: string, type: string): string {
  if (kind === 'image/heic' || /\.hei[cf]$/i.test(name))
    return 'This browser cannot open HEIC pictures. Save the picture as JPEG or PNG and add it again. (An iPhone takes JPEG with Settings, Camera, Formats, Most Compatible.)';
  if (kind !== '') return 'This picture is damaged: the browser cannot open it. Try another copy of it.';
  if (type !== '' && !type.startsWith('image/'))
    return `This file is no picture (${type}). PNG, JPEG, WebP, GIF and AVIF can be read.`;
  return 'This file cannot be opened as a picture. PNG, JPEG, WebP, GIF and AVIF can be read.';
}
