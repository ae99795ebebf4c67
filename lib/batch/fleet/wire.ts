// What goes through Redis between who collects and who works.
import type { BatchQuestion, BatchRequest, Outcome } from '../item.js';

export const DEFAULT_QUEUE = 'paligemma';

/** Where a worker gets the picture: a path that all machines share, a URL, or the picture itself, base64. */
export type Picture = { path: string } | { url: string } | { data: string };

/** The data of a job. */
export interface Assignment {
  picture: Picture;
  question: BatchQuestion;
  request: BatchRequest;
}

/** The return value of a job. A picture that cannot be answered is an outcome too; a job fails when it could not be worked on. */
export type { Outcome };

/** Failures travel as text: `CODE: message`. */
export const toReason = ({ code, message }: { code: string; message: string }): string => `${code}: ${message}`;

export function fromReason(reason: string): { code: string | undefined; message: string } {
  const [, code, message] = /^(ERR_[A-Z_]+): (.*)$/s.exec(reason) ?? [];
  return { code, message: message ?? reason };
}
