import { stat } from 'node:fs/promises';
import path from 'node:path';
import { invalid } from 'node-paligemma/support';
import { alone } from './alone.js';
import { openCsv } from './csv.js';
import { openJsonl } from './jsonl.js';
import type { BatchOutput, KindOptions } from './output.js';
import { SidecarOutput } from './sidecar.js';
import { StreamOutput } from './stream.js';
import { openTar } from './tar.js';

export interface OutputOptions extends KindOptions {
  /** Begin anew in place of what is there. */
  overwrite: boolean;
}

const KINDS = { '.jsonl': openJsonl, '.ndjson': openJsonl, '.csv': openCsv, '.tar': openTar };
export const OUTPUTS =
  'a .jsonl, .csv or .tar file, "sidecar" (a .txt beside each image), or - (JSON lines on standard output)';

/**
 * @param target one of {@link OUTPUTS}
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT when it is of no known kind, there already and neither resumed nor overwritten, or
 *   cannot be gone on with; ERR_IN_USE when another batch writes to it; ERR_DISK_FULL
 */
export async function openOutput(target: string, options: OutputOptions): Promise<BatchOutput> {
  if (options.resume && options.overwrite) throw invalid('--resume and --overwrite do not go together');
  const extension = path.extname(target).toLowerCase();
  if (options.csvSafe && extension !== '.csv') throw invalid(`--csv-safe is for a .csv, not for ${target}`);
  if (target === '-') {
    if (options.resume) throw invalid('standard output cannot be resumed: give a file');
    return new StreamOutput(process.stdout);
  }
  if (target === 'sidecar') return new SidecarOutput(options);
  const open = KINDS[extension as keyof typeof KINDS];
  if (!open) throw invalid(`--output must be ${OUTPUTS}, not ${target}`);
  return alone(target, async () => {
    const present = await stat(target).catch(() => undefined);
    if (present && !present.isFile()) throw invalid(`${target} is no file`);
    if (present && present.size > 0 && !options.resume && !options.overwrite)
      throw invalid(`${target} is there already: go on with it (--resume) or begin anew (--overwrite)`);
    return open(target, { ...options, resume: options.resume && present !== undefined });
  });
}
