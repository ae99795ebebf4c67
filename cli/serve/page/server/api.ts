// Requests to the server. Each either gives what it answered or throws a RequestError; an abort throws the signal's reason.
import { readEvents } from './events';
import { errorInStream, errorOf, RequestError } from './failure';
import { savedKey } from './key';
import type { Config, Download, Model, PublishedModel, TaskResult } from './types';

interface Call {
  method?: 'GET' | 'POST' | 'DELETE';
  body?: object;
  signal?: AbortSignal;
}

const lost = () => new RequestError('connection', 'The server does not answer.');

async function call(path: string, { method = 'GET', body, signal }: Call = {}): Promise<Response> {
  const key = savedKey();
  const headers = {
    ...(body && { 'content-type': 'application/json' }),
    ...(key !== '' && { authorization: `Bearer ${key}` }),
  };
  let response: Response;
  try {
    // Relative, so that the page also works below a path of a proxy.
    response = await fetch(`.${path}`, {
      method,
      headers,
      cache: 'no-store',
      ...(body && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  } catch {
    signal?.throwIfAborted();
    throw lost();
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

async function json<T>(path: string, request?: Call): Promise<T> {
  const response = await call(path, request);
  try {
    return (await response.json()) as T;
  } catch {
    request?.signal?.throwIfAborted();
    throw lost();
  }
}

export const getConfig = (): Promise<Config> => json('/page/config');
export const getModels = async (): Promise<Model[]> => (await json<{ data: Model[] }>('/v1/models')).data;
export const getPublished = (): Promise<{ models: PublishedModel[]; types: string[] }> => json('/page/published');
export const getDownloads = async (): Promise<Download[]> =>
  (await json<{ downloads: Download[] }>('/page/downloads')).downloads;
export const startDownload = (model: string, quantization: string): Promise<Download> =>
  json('/page/downloads', { method: 'POST', body: { model, quantization } });
export const cancelDownload = (id: string): Promise<unknown> =>
  call(`/page/downloads/${encodeURIComponent(id)}`, { method: 'DELETE' });

/** A task whose answer comes whole. */
export const runTask = (name: string, body: object, signal: AbortSignal): Promise<TaskResult> =>
  json(`/v1/tasks/${name}`, { method: 'POST', body, signal });

type StreamEvent =
  | { type: 'text'; text: string }
  | ({ type: 'result' } & TaskResult)
  | { type?: undefined; error: { message?: string; code?: string } };

/** A task whose text comes in pieces. */
export async function streamTask(
  name: string,
  body: object,
  signal: AbortSignal,
  onText: (piece: string) => void,
): Promise<TaskResult> {
  const response = await call(`/v1/tasks/${name}`, { method: 'POST', body: { ...body, stream: true }, signal });
  if (!response.body) throw lost();
  try {
    for await (const data of readEvents(response.body)) {
      if (data === '[DONE]') break;
      const event = JSON.parse(data) as StreamEvent;
      if (event.type === 'text') onText(event.text);
      else if (event.type === 'result') {
        const { type: _, ...result } = event;
        return result;
      } else if (event.error) throw errorInStream(event.error);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof RequestError ? error : lost();
  }
  throw lost(); // the stream ended before its result
}
