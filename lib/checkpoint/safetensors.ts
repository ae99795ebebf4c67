import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { PaliGemmaError, show } from '../base/errors.js';
import { parseJson } from '../base/json.js';
import { type StoredTensor, storedBytes } from './stored-tensor.js';

const TYPES: Record<string, StoredTensor['type']> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };
const MAX_HEADER = 100 << 20; // the format's own limit

const invalid = (file: string, what: string) =>
  new PaliGemmaError('ERR_INVALID_MODEL', `${path.basename(file)} is not a whole safetensors file: ${what}`);

/**
 * Reads the header of a safetensors file (8 bytes of length, JSON, data) and checks every entry against the file's size.
 * @throws PaliGemmaError ERR_INVALID_MODEL naming what is wrong; ERR_UNSUPPORTED_MODEL for other element types.
 */
export async function readSafetensors(file: string): Promise<Map<string, StoredTensor>> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const { header, dataStart } = await readHeader(handle, file, size);
    const tensors = new Map<string, StoredTensor>();
    for (const [name, entry] of Object.entries(header)) {
      if (name !== '__metadata__') tensors.set(name, checkEntry(file, name, entry, dataStart, size));
    }
    checkOverlap(file, tensors);
    return tensors;
  } finally {
    await handle.close();
  }
}

async function readHeader(handle: FileHandle, file: string, size: number) {
  const length = Buffer.alloc(8);
  const { bytesRead } = await handle.read(length, 0, 8, 0);
  if (bytesRead < 8) throw invalid(file, `it has ${bytesRead} bytes`);
  const headerSize = Number(length.readBigUInt64LE());
  if (headerSize > MAX_HEADER || 8 + headerSize > size)
    throw invalid(file, `its header would be ${headerSize} bytes of a ${size} byte file`);
  const text = Buffer.alloc(headerSize);
  await handle.read(text, 0, headerSize, 8);
  try {
    const header = parseJson(text.toString('utf8'));
    if (typeof header !== 'object' || header === null || Array.isArray(header)) throw new Error('not an object');
    return { header: header as Record<string, unknown>, dataStart: 8 + headerSize };
  } catch (error) {
    throw invalid(file, `its header is not JSON (${(error as Error).message})`);
  }
}

function checkOverlap(file: string, tensors: Map<string, StoredTensor>): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset);
  let end = 0;
  let before = '';
  for (const [name, tensor] of inOrder) {
    if (tensor.offset < end) throw invalid(file, `tensors ${before} and ${name} overlap`);
    end = tensor.offset + storedBytes(tensor);
    before = name;
  }
}

function checkEntry(file: string, name: string, entry: unknown, dataStart: number, size: number): StoredTensor {
  if (typeof entry !== 'object' || entry === null) throw invalid(file, `tensor ${name} is not described`);
  const { dtype, shape, data_offsets: range } = entry as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (
    !Array.isArray(shape) ||
    !shape.every(isCount) ||
    !Array.isArray(range) ||
    range.length !== 2 ||
    !range.every(isCount)
  )
    throw invalid(file, `tensor ${name} has no valid shape and range`);
  const type = typeof dtype === 'string' && Object.hasOwn(TYPES, dtype) ? TYPES[dtype] : undefined;
  if (!type)
    throw new PaliGemmaError(
      'ERR_UNSUPPORTED_MODEL',
      `${path.basename(file)}: tensor ${name} is stored as ${typeof dtype === 'string' ? dtype : show(dtype)}; float32, float16 and bfloat16 checkpoints can be converted`,
    );
  const bytes = storedBytes({ type, shape });
  const [begin, end] = range as [number, number];
  if (end - begin !== bytes || dataStart + end > size)
    throw invalid(
      file,
      `tensor ${name} lies at bytes ${begin} to ${end}, which does not fit [${shape}] ${dtype} in this file`,
    );
  return { path: file, offset: dataStart + begin, type, shape };
}
