import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job, Queue, QueueEvents } from 'bullmq';
import type { BatchItem, BatchRequest } from 'node-paligemma';
import {
  type Deferred,
  deferred,
  itemId,
  keyOf,
  type Outcome,
  ownQuestion,
  reasonOf,
  Withdrawn,
} from 'node-paligemma/support';
import { failureOf, outcomeOf } from './outcome.js';
import { type Connection, connect, refusals, unavailable } from './redis.js';
import { Room } from './room.js';
import { runName } from './run-name.js';
import { pictureToSend, sizeToSend } from './sent.js';
import type { Assignment, Picture } from './wire.js';

/** Jobs in Redis at a time: enough for a large fleet, little enough to be given up. */
export const FLEET_WINDOW = 1000;
/** The same where each is in memory as it comes, as from a tar. */
export const FLEET_WINDOW_IN_MEMORY = 256;
/** And bytes of pictures that are sent along, base64. */
const INLINE_BYTES = 128 << 20;
const LOOK_EVERY_MS = 2_000;
const LISTEN_AGAIN_MS = 500;
const ATTEMPTS = 3;
const DAY = 86_400;
const STOPPED = 'stopped before it was begun';

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
  /** Bytes of pictures in Redis at a time, base64. */
  inlineBytes?: number;
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
  /** Given up here without an end, so that they may still be in Redis. */
  readonly #left = new Set<string>();
  readonly #room: Room;
  #adding: string[] = [];
  readonly #sending = new Set<Promise<void>>();
  readonly #looking: NodeJS.Timeout;
  #looks: Promise<void> | undefined;
  /** Nothing more is given out. */
  #stopped = false;
  #closing = false;
  readonly #onRefusal: (error: Error) => void;

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
    this.#onRefusal = refusals(options.onTrouble);
    this.#room = new Room(options.inlineBytes ?? INLINE_BYTES);
    events.on('completed', ({ jobId, returnvalue }) => this.#settle(jobId, returnvalue));
    events.on('failed', ({ jobId, failedReason }) => this.#fail(jobId, failedReason));
    this.#looking = setInterval(() => {
      this.#looks ??= this.#look()
        .catch(() => {}) // the connection says so itself
        .finally(() => {
          this.#looks = undefined;
        });
    }, LOOK_EVERY_MS);
    void this.#listen();
  }

  /** @throws PaliGemmaError ERR_QUEUE_UNAVAILABLE */
  static async open(url: string, options: CollectorOptions): Promise<Collector> {
    const connection = await connect(url, options.onTrouble);
    const { Queue, QueueEvents } = connection.bullmq;
    const parts: (Queue | QueueEvents)[] = [];
    try {
      const client = connection.client();
      const run = await runName(client, options);
      const queue = new Queue(options.queue, { connection: client });
      const events = new QueueEvents(options.queue, { connection: connection.client(), autorun: false });
      parts.push(queue, events);
      queue.on('error', () => {}); // the connection says it already
      events.on('error', () => {});
      await Promise.all(parts.map((part) => part.waitUntilReady()));
      return new Collector(connection, queue, events, run, options);
    } catch (error) {
      await connection.close(Promise.allSettled(parts.map((part) => part.close())));
      throw unavailable(`the queue cannot be used: ${reasonOf(error)}`, error);
    }
  }

  /** Workers that are there now. */
  workers(): Promise<number> {
    return this.#queue.getWorkersCount();
  }

  /** @throws PaliGemmaError ERR_INVALID_IMAGE for a file that is to be sent and cannot be read; Withdrawn; the signal's reason */
  async answer(item: BatchItem, index: number, signal: AbortSignal): Promise<Outcome> {
    const bytes = await sizeToSend(item, this.#options.inline);
    await this.#room.take(bytes);
    let picture: Picture;
    try {
      signal.throwIfAborted();
      picture = await pictureToSend(item, this.#options.inline);
      signal.throwIfAborted();
      if (this.#stopped) throw new Withdrawn(STOPPED);
    } catch (error) {
      this.#room.giveBack(bytes);
      throw error;
    }
    const assignment = {
      picture,
      question: ownQuestion(item),
      request: this.#options.request,
    };
    const id = this.#jobId(keyOf(itemId(item, index), item), index);
    const done = deferred<Outcome>();
    this.#pending.set(id, { assignment, done, bytes });
    const abort = () => {
      this.#left.add(id);
      this.#release(id)?.done.reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    this.#add(id);
    try {
      return await done.promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Gives out nothing more, and takes back what no worker has begun: now, and what a worker lets go of later. */
  async withdraw(): Promise<void> {
    this.#stopped = true;
    this.#room.close(new Withdrawn(STOPPED));
    for (const id of this.#adding.splice(0)) this.#withdrawn(id);
    await this.#takeBack();
  }

  /** Takes back what was given up and is not begun. Not for a Redis that does not answer. */
  async close(): Promise<void> {
    clearInterval(this.#looking);
    this.#closing = true;
    const inOrder = await this.#connection.close(this.#leave());
    if (!inOrder) void Promise.allSettled([this.#events.close(), this.#queue.close()]); // loops of BullMQ's own
    for (const id of [...this.#pending.keys()]) this.#withdrawn(id);
  }

  async #leave(): Promise<void> {
    await this.#looks;
    await this.withdraw();
    await Promise.allSettled([...this.#left].map((id) => this.#takeOut(id)));
    await Promise.allSettled([this.#events.close(), this.#queue.close()]);
  }

  async #takeBack(): Promise<void> {
    await Promise.allSettled(this.#sending); // what is on its way can be taken back once it is there
    await Promise.all(
      [...this.#pending.keys()].map(async (id) => {
        if (await this.#takeOut(id).catch(() => false)) this.#withdrawn(id);
      }),
    );
  }

  /** Whether it is out of Redis: a worker has what it works on, and what has an end stays until it is taken. */
  async #takeOut(id: string): Promise<boolean> {
    const state = await this.#queue.getJobState(id);
    return state !== 'completed' && state !== 'failed' && (await this.#queue.remove(id)) === 1;
  }

  #withdrawn(id: string): void {
    this.#release(id)?.done.reject(new Withdrawn(STOPPED));
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
      void this.#send(ids);
    });
  }

  /** Looking finds what does not arrive. */
  #send(ids: string[]): Promise<void> {
    const jobs = ids.flatMap((jobId) => {
      const data = this.#pending.get(jobId)?.assignment;
      return data ? [{ name: 'picture', data, opts: { ...JOB, jobId } }] : [];
    });
    if (jobs.length === 0) return Promise.resolve();
    const sent: Promise<void> = this.#queue
      .addBulk(jobs)
      .then(() => {}, this.#onRefusal)
      .finally(() => this.#sending.delete(sent));
    this.#sending.add(sent);
    return sent;
  }

  /** BullMQ stops listening at an event that it cannot read. */
  async #listen(): Promise<void> {
    while (!this.#closing) {
      await this.#events.run().catch(() => {});
      if (!this.#closing) await sleep(LISTEN_AGAIN_MS);
    }
  }

  /** What is finished without our having heard of it, and what is gone or let go of. */
  async #look(): Promise<void> {
    const missing: string[] = [];
    for (const id of [...this.#pending.keys()]) {
      const state = await this.#queue.getJobState(id);
      if (state === 'unknown') missing.push(id);
      if (state !== 'completed' && state !== 'failed') continue;
      const job: Job | undefined = await this.#queue.getJob(id).catch(unreadable);
      if (job && state === 'completed') this.#settle(id, job.returnvalue);
      else if (job) this.#fail(id, job.failedReason);
    }
    if (this.#stopped) await this.#takeBack();
    else await this.#send(missing.filter((id) => this.#pending.has(id) && !this.#adding.includes(id)));
  }

  #settle(id: string, returned: unknown): void {
    const ours = this.#release(id);
    if (!ours) return; // events are of all who collect from this queue
    ours.done.resolve(outcomeOf(returned));
    // A result that is taken need not stay. Should this process die before it is written, the item is worked on again.
    this.#queue.remove(id).catch(() => {});
  }

  /** Given up after all attempts; it stays in Redis among the failed ones. */
  #fail(id: string, reason: unknown): void {
    this.#release(id)?.done.resolve(failureOf(reason));
  }

  #release(id: string): Pending | undefined {
    const pending = this.#pending.get(id);
    if (!pending) return undefined;
    this.#pending.delete(id);
    this.#room.giveBack(pending.bytes);
    return pending;
  }
}

/** A job that somebody has spoilt is one without an outcome. */
const unreadable = (error: Error) => {
  if (error.name === 'SyntaxError') return {} as Job;
  throw error;
};

const JOB = {
  attempts: ATTEMPTS,
  backoff: { type: 'exponential', delay: 1000 },
  removeOnComplete: { age: DAY },
  removeOnFail: { age: 7 * DAY },
};
