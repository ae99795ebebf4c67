import type { Worker } from 'bullmq';
import { type BatchAnswer, type BatchItem, type BatchRequest, PaliGemmaError } from 'node-paligemma';
import { type Access, describe, isGivenUp, type Outcome, reasonOf, TransientFailure } from 'node-paligemma/support';
import { connect, refusals, unavailable } from './redis.js';
import { assignmentOf, type Picture, toReason } from './wire.js';

/** A picture on which so many workers died is set aside. */
export const MAX_STALLED = 3;

export interface WorkerOptions {
  queue: string;
  /** Pictures in work at a time. */
  concurrency: number;
  /** Seconds without a sign of life after which another worker takes over. */
  stalledAfter: number;
  access: Access;
  onOutcome(id: string, outcome: Outcome, milliseconds: number): void;
  /** An attempt that failed and is made again, or given up. */
  onFailed(id: string, reason: string): void;
  /** The model answers nothing any more. What is begun stays so, and others take it over as that of a dead worker. */
  onGivenUp(error: unknown): void;
  onTrouble(message: string): void;
}

type Answer = (item: BatchItem, request: BatchRequest) => Promise<BatchAnswer>;

/**
 * Works on what is in the queue until closed. Closing finishes what is begun and says so; without a Redis to hand it in to, it
 * is given up.
 * @throws PaliGemmaError ERR_QUEUE_UNAVAILABLE
 */
export async function startWorker(
  url: string,
  answer: Answer,
  options: WorkerOptions,
): Promise<{ close(): Promise<boolean> }> {
  const connection = await connect(url, options.onTrouble);
  const lockDuration = options.stalledAfter * 1000;
  const worker: Worker<unknown, Outcome> = new connection.bullmq.Worker(
    options.queue,
    async (job) => {
      const started = performance.now();
      const outcome = await work(job.data, answer, options);
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
  // Others are of the connection, which says so itself, or of a lock that another worker has taken over.
  worker.on('error', refusals(options.onTrouble));
  worker.on('failed', (job, error) => options.onFailed(String(job?.id), error.message));
  const close = async () => {
    const inOrder = await connection.close(worker.pause().then(() => worker.close()));
    // Timers and a client of BullMQ's own, whose end may never come.
    if (!inOrder) worker.close(true).catch(() => {});
    return inOrder;
  };
  try {
    await worker.waitUntilReady();
  } catch (error) {
    await close();
    throw unavailable(`the queue cannot be used: ${reasonOf(error)}`, error);
  }
  return { close };
}

const never = new Promise<never>(() => {});

/** @throws when another try may do, here or on another machine; what is the picture's or the question's own fault is an outcome */
async function work(data: unknown, answer: Answer, { access, onGivenUp }: WorkerOptions): Promise<Outcome> {
  try {
    const { picture, question, request } = assignmentOf(data);
    return await answer({ ...question, image: await load(picture, access) }, request);
  } catch (error) {
    if (isGivenUp(error)) {
      onGivenUp(error);
      return never;
    }
    if (error instanceof PaliGemmaError && OWN_FAULT.has(error.code) && !mayBeElsewhere(error.cause))
      return { error: describe(error) };
    throw new Error(toReason(describe(error)));
  }
}

const OWN_FAULT: ReadonlySet<string> = new Set(['ERR_INVALID_IMAGE', 'ERR_INVALID_ARGUMENT', 'ERR_PROMPT_TOO_LONG']);

/** A server may have trouble now, and what the system says of a file it may say on this machine alone. */
const mayBeElsewhere = (cause: unknown): boolean =>
  cause instanceof TransientFailure || (cause instanceof Error && 'syscall' in cause);

async function load(picture: Picture, access: Access): Promise<Uint8Array> {
  if ('url' in picture) return access.fetch(picture.url, undefined, true);
  if ('path' in picture) return access.read(picture.path);
  access.checkSize('the picture', Buffer.byteLength(picture.data, 'base64'));
  return Buffer.from(picture.data, 'base64');
}
