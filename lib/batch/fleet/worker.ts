import type { Worker } from 'bullmq';
import { PaliGemmaError } from '../../errors.js';
import { type FetchOptions, fetchBytes, TransientFailure } from '../../fetch-bytes.js';
import { publicFetch } from '../../image/public-fetch.js';
import { describe } from '../ask.js';
import type { BatchAnswer, BatchItem, BatchRequest } from '../item.js';
import { readPicture } from '../sample.js';
import { connect } from './redis.js';
import { type Assignment, type Outcome, type Picture, toReason } from './wire.js';

/** A picture on which so many workers died is set aside. */
export const MAX_STALLED = 3;

export interface WorkerOptions {
  queue: string;
  /** Pictures in work at a time. */
  concurrency: number;
  /** Seconds without a sign of life after which another worker takes over. */
  stalledAfter: number;
  allowPrivateAddresses: boolean;
  onOutcome(id: string, outcome: Outcome, milliseconds: number): void;
  /** An attempt that failed and is made again, or given up. */
  onFailed(id: string, reason: string): void;
  onTrouble(message: string): void;
}

type Answer = (item: BatchItem, request: BatchRequest) => Promise<BatchAnswer>;

/**
 * Works on what is in the queue until closed; closing finishes what is begun.
 * @throws PaliGemmaError ERR_QUEUE_UNAVAILABLE
 */
export async function startWorker(
  url: string,
  answer: Answer,
  options: WorkerOptions,
): Promise<{ close(): Promise<void> }> {
  const connection = await connect(url, options.onTrouble);
  const pictures: FetchOptions = {
    picturesOnly: true,
    ...(options.allowPrivateAddresses ? {} : { fetch: await publicFetch() }),
  };
  const lockDuration = options.stalledAfter * 1000;
  const worker: Worker<Assignment, Outcome> = new connection.bullmq.Worker(
    options.queue,
    async (job) => {
      const started = performance.now();
      const outcome = await work(job.data, answer, pictures);
      options.onOutcome(String(job.id), outcome, performance.now() - started);
      return outcome;
    },
    {
      connection: connection.client(),
      concurrency: options.concurrency,
      lockDuration,
      stalledInterval: lockDuration,
      maxStalledCount: MAX_STALLED,
    },
  );
  worker.on('error', () => {}); // of the connection, which says so itself, or of a lock that another worker has taken over
  worker.on('failed', (job, error) => options.onFailed(String(job?.id), error.message));
  await worker.waitUntilReady();
  return {
    async close() {
      await worker.close();
      connection.close();
    },
  };
}

/** @throws when another try may do, here or on another machine; what is the picture's or the question's own fault is an outcome */
async function work(
  { picture, question, request }: Assignment,
  answer: Answer,
  fetching: FetchOptions,
): Promise<Outcome> {
  let image: Uint8Array;
  try {
    image = await load(picture, fetching);
  } catch (error) {
    // A file that is not there may be so for this machine alone.
    if ('url' in picture && !(error instanceof PaliGemmaError && error.cause instanceof TransientFailure))
      return { error: describe(error) };
    throw new Error(toReason(describe(error)));
  }
  try {
    return await answer({ ...question, image }, request);
  } catch (error) {
    if (error instanceof PaliGemmaError && OWN_FAULT.has(error.code)) return { error: describe(error) };
    throw new Error(toReason(describe(error)));
  }
}

const OWN_FAULT: ReadonlySet<string> = new Set(['ERR_INVALID_IMAGE', 'ERR_INVALID_ARGUMENT', 'ERR_PROMPT_TOO_LONG']);

async function load(picture: Picture, fetching: FetchOptions): Promise<Uint8Array> {
  if ('data' in picture) return Buffer.from(picture.data, 'base64');
  return 'url' in picture ? fetchBytes(picture.url, undefined, fetching) : readPicture(picture.path);
}
