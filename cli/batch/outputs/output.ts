import { open } from 'node:fs/promises';
import { type BatchItem, type BatchResult, PaliGemmaError } from 'node-paligemma';
import { ANSWER_FIELDS, reasonOf, type SampleFiles, type Unusable } from 'node-paligemma/support';

export interface KindOptions {
  /** Go on with what is there: a torn end is cut off, what is whole is kept. */
  resume: boolean;
  /** Of a .csv: keep spreadsheets from taking texts for formulas. Default false: texts are as they are. */
  csvSafe?: boolean;
  /** Gets what a user should know, such as that a result has another name than its picture. Default: nobody. */
  say?: (text: string) => void;
}

/** Where results go. */
export interface BatchOutput {
  /** Whether it needs the files of each item. Default: not. */
  readonly wantsFiles?: boolean;
  /** Whether there is a result of this entry from before. Each is taken for one entry. Asked in the order of the source. */
  has(entry: BatchItem | Unusable, index: number): boolean;
  /** Resolves once the result is on the disk. @throws PaliGemmaError ERR_DISK_FULL */
  write(result: BatchResult, files?: SampleFiles): Promise<void>;
  close(): Promise<void>;
}

/** @throws PaliGemmaError ERR_INVALID_ARGUMENT for fields that are nested too deeply, which can be read but not written */
export function asJson(value: unknown, id: string): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    throw new PaliGemmaError('ERR_INVALID_ARGUMENT', `${id}: its fields are no JSON (${reasonOf(error)})`, {
      cause: error,
    });
  }
}

/** An answer as a text: a text as it is, objects or a choice as JSON. */
export const textOf = (answer: unknown): string | undefined =>
  typeof answer === 'string' ? answer : JSON.stringify(answer);

/** The answer in a result as a text. Undefined of an error. */
export const answerText = (result: BatchResult): string | undefined =>
  textOf(ANSWER_FIELDS.map((field) => result[field]).find((value) => value !== undefined));

/** The first bytes of a file, or all it has. */
export async function beginning(target: string, bytes: number): Promise<string> {
  const file = await open(target);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.subarray(0, bytesRead).toString();
  } finally {
    await file.close();
  }
}
