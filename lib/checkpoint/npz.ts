import { open } from 'node:fs/promises';
import path from 'node:path';
import { type Entry, fromFd, type ZipFile } from 'yauzl';
import { PaliGemmaError, reasonOf } from '../base/errors.js';
import { type StoredTensor, storedBytes } from './stored-tensor.js';

const invalid = (file: string, what: string, cause?: unknown) =>
  new PaliGemmaError('ERR_INVALID_MODEL', `${path.basename(file)} is not a usable .npz file: ${what}`, { cause });

/**
 * Finds arrays of a NumPy .npz file by name, as `np.savez` writes it: a ZIP of .npy files, not compressed. Their values are left
 * where they are; other arrays, of whatever type, are passed over, and pickled objects are never read.
 * @param wanted whether an array of this name is asked for
 * @throws PaliGemmaError ERR_MODEL_NOT_FOUND or ERR_INVALID_MODEL, naming what is wrong
 */
export async function readNpz(file: string, wanted: (name: string) => boolean): Promise<Map<string, StoredTensor>> {
  const handle = await open(file, 'r').catch((error) => {
    throw new PaliGemmaError('ERR_MODEL_NOT_FOUND', `${file} cannot be opened: ${reasonOf(error)}`, { cause: error });
  });
  try {
    const arrays = new Map<string, StoredTensor>();
    for (const { name, offset, size } of await zipEntries(handle.fd, file, wanted)) {
      if (arrays.has(name)) throw invalid(file, `array ${name} is there twice`);
      const head = Buffer.alloc(Math.min(size, 4096));
      await handle.read(head, 0, head.length, offset);
      const { type, shape, dataStart } = readNpyHeader(file, name, head);
      const bytes = storedBytes({ type, shape });
      if (dataStart + bytes !== size)
        throw invalid(
          file,
          `array ${name} has ${size - dataStart} bytes of data, its shape [${shape}] asks for ${bytes}`,
        );
      arrays.set(name, { path: file, offset: offset + dataStart, type, shape });
    }
    return arrays;
  } finally {
    await handle.close();
  }
}

interface Part {
  name: string;
  offset: number;
  size: number;
}

function zipEntries(fd: number, file: string, wanted: (name: string) => boolean): Promise<Part[]> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) =>
      reject(error instanceof PaliGemmaError ? error : invalid(file, reasonOf(error), error));
    fromFd(fd, { lazyEntries: true, autoClose: false }, (error, zip) => {
      if (error) return fail(error);
      const parts: Part[] = [];
      zip.on('error', fail);
      zip.on('end', () => resolve(parts));
      zip.on('entry', (entry: Entry) => {
        const name = entry.fileName.replace(/\.npy$/, '');
        if (!wanted(name)) return zip.readEntry();
        if (entry.compressionMethod !== 0)
          return fail(invalid(file, `array ${name} is compressed; save it with np.savez`));
        dataStart(zip, entry).then((offset) => {
          parts.push({ name, offset, size: entry.uncompressedSize });
          zip.readEntry();
        }, fail);
      });
      zip.readEntry();
    });
  });
}

/** Where an entry's data begins: its local header has a length of its own. */
function dataStart(zip: ZipFile, entry: Entry): Promise<number> {
  return new Promise((resolve, reject) => {
    zip.readLocalFileHeader(entry, { minimal: true }, (error, header) =>
      error ? reject(error) : resolve(header.fileDataStart),
    );
  });
}

const TYPES: Record<string, StoredTensor['type']> = { '<f4': 'f32', '<f2': 'f16', '<V2': 'bf16', '|V2': 'bf16' };

/** The .npy format: magic, version, length, and a Python dict with descr, fortran_order and shape. */
function readNpyHeader(
  file: string,
  name: string,
  head: Buffer,
): { type: StoredTensor['type']; shape: number[]; dataStart: number } {
  const wide = (head[6] ?? 0) >= 2;
  if (head.length < 12 || head.toString('latin1', 0, 6) !== '\x93NUMPY')
    throw invalid(file, `${name} is no NumPy array`);
  const start = wide ? 12 : 10;
  const length = wide ? head.readUInt32LE(8) : head.readUInt16LE(8);
  const text = head.toString('latin1', start, start + length);
  const described = /'descr': '([^']+)'/.exec(text)?.[1] ?? '';
  if (described.includes('O')) throw invalid(file, `array ${name} holds pickled Python objects, which are never read`);
  const type = Object.hasOwn(TYPES, described) ? TYPES[described] : undefined;
  const shape = /'shape': \(([^)]*)\)/.exec(text)?.[1];
  if (!type || shape === undefined || !/'fortran_order': False/.test(text))
    throw invalid(file, `array ${name} is not a row-major array of float32, float16 or bfloat16`);
  const sizes = shape
    .split(',')
    .map((n) => n.trim())
    .filter((n) => n !== '')
    .map(Number);
  if (!sizes.every((n) => Number.isSafeInteger(n) && n >= 0)) throw invalid(file, `array ${name} has no valid shape`);
  return { type, shape: sizes, dataStart: start + length };
}
