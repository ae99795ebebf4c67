// What goes through Redis between who collects and who works.

import type { BatchQuestion, BatchRequest } from 'node-paligemma';
import { invalid, isUrl } from 'node-paligemma/support';

export const DEFAULT_QUEUE = 'paligemma';

/** Where a worker gets the picture: a path that all machines share, a URL, or the picture itself, base64. */
export type Picture = { path: string } | { url: string } | { data: string };

/** The data of a job. Its return value is an outcome: a picture that cannot be answered is one too. */
export interface Assignment {
  picture: Picture;
  question: BatchQuestion;
  request: BatchRequest;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The assignment that a job's data is; what is asked is checked where it is asked. @throws PaliGemmaError ERR_INVALID_ARGUMENT */
export function assignmentOf(data: unknown): Assignment {
  const { picture, question, request } = isObject(data) ? data : {};
  if (!isObject(question) || !isObject(request) || !isObject(picture))
    throw invalid('a job needs a picture, a question and a request: is who gives it out of this version?');
  return { picture: pictureOf(picture), question, request };
}

function pictureOf({ path, url, data }: Record<string, unknown>): Picture {
  if (typeof path === 'string') return { path };
  if (typeof url === 'string' && isUrl(url)) return { url };
  if (typeof data === 'string') return { data };
  throw invalid('the picture of a job must be a path, an http(s) URL or base64');
}

/** Failures travel as text: `CODE: message`. */
export const toReason = ({ code, message }: { code: string; message: string }): string => `${code}: ${message}`;
