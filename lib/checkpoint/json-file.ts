import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { PaliGemmaError, reasonOf } from '../base/errors.js';
import { parseJson } from '../base/json.js';

/**
 * A JSON object from a file; undefined when there is no such file.
 * @throws PaliGemmaError ERR_INVALID_MODEL naming the file when it holds anything else
 */
export async function readOptionalJson(file: string): Promise<Record<string, unknown> | undefined> {
  try {
    const value = parseJson(await readFile(file, 'utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('not an object');
    return value as Record<string, unknown>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new PaliGemmaError('ERR_INVALID_MODEL', `${path.basename(file)} cannot be read: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}
