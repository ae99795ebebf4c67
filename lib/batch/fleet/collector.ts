import { createHash, randomUUID } from 'node:crypto';
import { stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Job, Queue, QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import { type Deferred, deferred } from '../../engine/deferred.js';
import type { ErrorCode } from '../../errors.js';
import { Withdrawn } from '../ask.js';
import { type BatchItem, type BatchRequest, imagePath, isUrl, itemId, keyOf } from '../item.js';
import { readPicture } from '../sample.js';
import { type Connection, connect } from './redis.js';
import { type Assignment, fromReason, type Outcome, type Picture } from './wire.js';

/** Jobs in Redis at a time: enough for a large fleet, little enough to be given up. */
export const FLEET_WINDOW = 1000;
/** The same where each is in memory as it comes, as from a tar. */
export const FLEET_WINDOW_IN_MEMORY = 256;
/** And bytes of pictures that are sent along, base64. */
const INLINE_BYTES = 128 << 20;
const LOOK_EVERY_MS = 2_000;
const ATTEMPTS = 3;
const DAY = 86_400;

interface Pending {
  assignment: Assignment;
  done: Deferred<Outcome>;
  bytes: number;
}

export interface CollectorOptions {
  queue: string;
  request: BatchRequest;
  /** Where the results go: what was begun for it is found again when resumed. */
  output: string;
  resume: boolean;
  /** Send files of this machine along, for workers that do not share them. */
  inline: boolean;
  onTrouble: (message: string) => void;
}

/**
 * Gives items to workers and takes their outcomes, each once. Outcomes are announced by BullMQ's events; what an event was lost
 * of (Redis or the connection was away) is found by looking, and given out again when Redis has forgotten it.
 */
export class Collector {
  readonly #connection: Connection;
  readonly #options: CollectorOptions;
  readonly #queue: Queue;
  readonly #events: QueueEvents;
  readonly #run: string;
  readonly #pending = new Map<string, Pending>();
  #adding: string[] = [];
  #bytes = 0;
  #room: Deferred<void> | undefined;
  readonly #looking: NodeJS.Timeout;
  #looks: Promise<void> | undefined;

  private constructor(
    connection: Connection,
    queue: Queue,
    events: QueueEvents,
    run: string,
    options: CollectorOptions,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#queue = queue;
    this.#events = events;
    this.#run = run;
    events.on('completed', ({ jobId, returnvalue }) => this.#settle(jobId, parsed(returnvalue)));
    events.on('failed', ({ jobId, failedReason }) => this.#fail(jobId, failedReason));
    this.#looking = setInterval(() => {
      this.#looks ??= this.#look()
        .catch(() => {}) // the connection says so itself
        .finally(() => {
          this.#looks = undefined;
        });
    }, LOOK_EVERY_MS);
  }

  /** @throws PaliGemmaError ERR_QUEUE_UNAVAILABLE */
  static async open(url: string, options: CollectorOptions): Promise<Collector> {
    const connection = await connect(url, options.onTrouble);
    const { Queue, QueueEvents } = connection.bullmq;
    const client = connection.client();
    const queue = new Queue(options.queue, { connection: client });
    const events = new QueueEvents(options.queue, { connection: connection.client() });
    queue.on('error', () => {}); // the connection says it already
    events.on('error', () => {});
    await events.waitUntilReady();
    return new Collector(connection, queue, events, await runName(client, options), options);
  }

  /** Workers that are there now. */
  workers(): Promise<number> {
    return this.#queue.getWorkersCount();
  }

  /** @throws PaliGemmaError ERR_INVALID_IMAGE for a file that is to be sent and cannot be read; Withdrawn; the signal's reason */
  async answer(item: BatchItem, index: number, signal: AbortSignal): Promise<Outcome> {
    const bytes = await this.#reserve(item);
    let picture: Picture;
    try {
      signal.throwIfAborted();
      picture = await this.#picture(item);
    } catch (error) {
      this.#giveBack(bytes);
      throw error;
    }
    const { task, prompt, question, labels, language } = item;
    const assignment = {
      picture,
      question: { task, prompt, question, labels, language },
      request: this.#options.request,
    };
    const id = this.#jobId(keyOf(itemId(item, index), item), index);
    const done = deferred<Outcome>();
    this.#pending.set(id, { assignment, done, bytes });
    const abort = () => this.#release(id)?.done.reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    this.#add(id);
    try {
      return await done.promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Takes back what no worker has begun. */
  async withdraw(): Promise<void> {
    await Promise.all(
      [...this.#pending.keys()].map(async (id) => {
        if ((await this.#queue.remove(id).catch(() => 0)) === 1)
          this.#release(id)?.done.reject(new Withdrawn('stopped before it was begun'));
      }),
    );
  }

  async close(): Promise<void> {
    clearInterval(this.#looking);
    await this.#looks;
    await Promise.allSettled([this.#events.close(), this.#queue.close()]);
    this.#connection.close();
  }

  /** Room for a picture that is sent along, before it is read. @returns its bytes as base64 */
  async #reserve(item: BatchItem): Promise<number> {
    const name = imagePath(item);
    let size = 0;
    if (name === undefined) size = (item.image as Uint8Array).length;
    else if (this.#options.inline && !isUrl(name)) size = (await stat(name).catch(() => undefined))?.size ?? 0;
    const bytes = Math.ceil((size * 4) / 3);
    while (this.#bytes > 0 && this.#bytes + bytes > INLINE_BYTES) {
      this.#room ??= deferred();
      await this.#room.promise;
    }
    this.#bytes += bytes;
    return bytes;
  }

  #giveBack(bytes: number): void {
    this.#bytes -= bytes;
    this.#room?.resolve();
    this.#room = undefined;
  }

  async #picture(item: BatchItem): Promise<Picture> {
    const name = imagePath(item);
    if (name === undefined) return { data: Buffer.from(item.image as Uint8Array).toString('base64') };
    if (isUrl(name)) return { url: name };
    if (this.#options.inline) return { data: Buffer.from(await readPicture(name)).toString('base64') };
    return { path: path.resolve(name) };
  }

  /** The same for the same item of the same job, so that nothing is given out twice. */
  #jobId(key: string, index: number): string {
    const question = JSON.stringify([this.#run, key, index, this.#options.request]);
    return createHash('sha256').update(question).digest('hex').slice(0, 32);
  }

  /** Those of one turn of the event loop go together. */
  #add(id: string): void {
    this.#adding.push(id);
    if (this.#adding.length > 1) return;
    setImmediate(() => {
      const ids = this.#adding;
      this.#adding = [];
      this.#send(ids).catch(() => {}); // looking finds that they are not there
    });
  }

  async #send(ids: string[]): Promise<void> {
    const jobs = ids.flatMap((jobId) => {
      const data = this.#pending.get(jobId)?.assignment;
      return data ? [{ name: 'picture', data, opts: { ...JOB, jobId } }] : [];
    });
    if (jobs.length > 0) await this.#queue.addBulk(jobs);
  }

  /** What is finished without our having heard of it, and what is gone. */
  async #look(): Promise<void> {
    const missing: string[] = [];
    for (const id of [...this.#pending.keys()]) {
      const state = await this.#queue.getJobState(id);
      if (state === 'unknown') missing.push(id);
      if (state !== 'completed' && state !== 'failed') continue;
      const job: Job<Assignment, Outcome> | undefined = await this.#queue.getJob(id);
      if (job && state === 'completed') this.#settle(id, job.returnvalue);
      else if (job) this.#fail(id, job.failedReason);
    }
    await this.#send(missing.filter((id) => this.#pending.has(id) && !this.#adding.includes(id)));
  }

  #settle(id: string, outcome: Outcome): void {
    const ours = this.#release(id);
    if (!ours) return; // events are of all who collect from this queue
    ours.done.resolve(outcome);
    // A result that is taken need not stay. Should this process die before it is written, the item is worked on again.
    this.#queue.remove(id).catch(() => {});
  }

  /** Given up after all attempts; it stays in Redis among the failed ones. */
  #fail(id: string, reason: string): void {
    const { code = 'ERR_WORKER_LOST', message } = fromReason(reason);
    this.#release(id)?.done.resolve({ error: { code: code as ErrorCode, message } });
  }

  #release(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    if (!pending) return undefined;
    this.#pending.delete(id);
    this.#giveBack(pending.bytes);
    return pending;
  }
}

const JOB = {
  attempts: ATTEMPTS,
  backoff: { type: 'exponential', delay: 1000 },
  removeOnComplete: { age: DAY },
  removeOnFail: { age: 7 * DAY },
};

const parsed = (value: unknown): Outcome => (typeof value === 'string' ? JSON.parse(value) : value) as Outcome;

/** The name under which a job for this output was begun, or a new one. */
async function runName(client: Redis, { queue, output, resume }: CollectorOptions): Promise<string> {
  const place = createHash('sha256')
    .update(JSON.stringify([os.hostname(), path.resolve(output)]))
    .digest('hex');
  const key = `${queue}:run:${place}`;
  const name = (resume ? await client.get(key) : null) ?? randomUUID();
  await client.set(key, name, 'EX', 7 * DAY);
  return name;
}
