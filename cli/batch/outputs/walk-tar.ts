import type { FileHandle } from 'node:fs/promises';
import { invalid } from 'node-paligemma/support';

const BLOCK = 512;
/** What is read at once: no result of a batch, and no name, is larger. */
const LIMIT_BYTES = 64 << 20;

export interface TarEntry {
  name: string;
  /** Where the entry ends in the file, padding included. */
  end: number;
  read(): Promise<Buffer>;
}

/**
 * The whole entries of a tar in a file, with where they end, which tar-stream does not tell: up to the trailer, or to where the
 * file is torn. Knows ustar and pax names, and no files of 8 GiB or more. Format: POSIX.1-2017, pax, "ustar Interchange Format".
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT when something there is no tar
 */
export async function* walkTar(file: FileHandle): AsyncGenerator<TarEntry> {
  const { size: fileSize } = await file.stat();
  const header = Buffer.alloc(BLOCK);
  let longName: string | undefined;
  for (let position = 0; position + BLOCK <= fileSize; ) {
    await file.read(header, 0, BLOCK, position);
    if (header.every((byte) => byte === 0)) return;
    const start = position + BLOCK;
    if (octal(header, 148, 8) !== checksum(header)) throw invalid(`what is at byte ${position} is no tar`);
    const size = octal(header, 124, 12);
    const end = start + Math.ceil(size / BLOCK) * BLOCK;
    if (end > fileSize) return;
    const read = async () => {
      if (size > LIMIT_BYTES) throw invalid(`what is at byte ${position} is larger than a result of a batch`);
      return (await file.read(Buffer.alloc(size), 0, size, start)).buffer;
    };
    const type = String.fromCharCode(header[156] as number);
    if (type === 'x') longName = /\d+ path=(.*)\n/.exec((await read()).toString())?.[1];
    else {
      const prefix = field(header, 345, 155);
      yield { name: longName ?? (prefix ? `${prefix}/${field(header, 0, 100)}` : field(header, 0, 100)), end, read };
      longName = undefined;
    }
    position = end;
  }
}

const field = (header: Buffer, start: number, length: number): string =>
  header
    .subarray(start, start + length)
    .toString()
    .replace(/\0.*$/s, '');

const octal = (header: Buffer, start: number, length: number): number =>
  Number.parseInt(field(header, start, length).trim(), 8) || 0;

/** The sum of the header's bytes, its own field taken for spaces. */
const checksum = (header: Buffer): number =>
  header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : byte), 0);
