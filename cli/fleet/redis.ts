// BullMQ and its Redis client, which only those install who use a fleet.
import type * as bullmq from 'bullmq';
import type { Redis } from 'ioredis';
import { PaliGemmaError } from 'node-paligemma';
import { reasonOf } from 'node-paligemma/support';

const FIRST_ANSWER_MS = 10_000;
const LONGEST_WAIT_MS = 5_000;
/** How long the end of something takes before it is asked whether Redis is there, and how long it has to answer. */
const PATIENCE_MS = 2_000;

export interface Connection {
  bullmq: Pick<typeof bullmq, 'Queue' | 'QueueEvents' | 'Worker'>;
  /** Another client, for a part that listens. It connects again by itself, however long Redis is away. */
  client(): Redis;
  /**
   * Waits for what ends in order, but not for a Redis that does not answer any more, and disconnects.
   * @returns whether all ended in order
   */
  close(orderly?: Promise<unknown>): Promise<boolean>;
}

export const unavailable = (message: string, cause?: unknown) =>
  new PaliGemmaError('ERR_QUEUE_UNAVAILABLE', message, { cause });

/**
 * @param onTrouble called when Redis cannot be reached, once each time it goes away
 * @throws PaliGemmaError ERR_QUEUE_UNAVAILABLE when BullMQ is not installed, or Redis does not answer now
 */
export async function connect(url: string, onTrouble: (message: string) => void): Promise<Connection> {
  const [queue, driver] = await install();
  const shown = masked(url);
  const clients: Redis[] = [];
  let away = false;
  const client = () => {
    const made = new driver.Redis(url, {
      maxRetriesPerRequest: null,
      retryStrategy: (times) => Math.min(100 * 2 ** times, LONGEST_WAIT_MS),
    });
    made.on('error', (error) => {
      if (!away) onTrouble(`${shown}: ${reasonOf(error) || 'no connection'}; trying again until it is back`);
      away = true;
    });
    made.on('ready', () => {
      away = false;
    });
    clients.push(made);
    return made;
  };
  const close = async (orderly: Promise<unknown> = Promise.resolve()) => {
    const ended = orderly.catch(() => {}); // whose commands fail when the connection goes
    let inOrder = await inTime(ended, PATIENCE_MS);
    while (!inOrder && (await answers(new driver.Redis(url, ONCE), PATIENCE_MS).catch(() => false)))
      inOrder = await inTime(ended, PATIENCE_MS);
    for (const made of clients) made.disconnect();
    return inOrder;
  };
  try {
    if (!(await answers(new driver.Redis(url, ONCE), FIRST_ANSWER_MS)))
      throw new Error(`nothing within ${FIRST_ANSWER_MS / 1000} s`);
  } catch (error) {
    throw unavailable(`${shown} does not answer: ${reasonOf(error)}`, error);
  }
  return { bullmq: queue, client, close };
}

/** Says what Redis answers in place of doing what it was asked for (no room, no permission): not the same again and again. */
export function refusals(say: (message: string) => void): (error: Error) => void {
  let last = '';
  return ({ name, message }) => {
    if (name !== 'ReplyError' || message === last) return;
    last = message;
    say(`Redis refuses: ${message}; trying again`);
  };
}

const ONCE = { lazyConnect: true, retryStrategy: () => null };

/** Whether it answers in time. @throws why it does not connect */
async function answers(client: Redis, milliseconds: number): Promise<boolean> {
  client.on('error', () => {}); // comes with the rejection too
  try {
    return await inTime(
      client.connect().then(() => client.ping()),
      milliseconds,
    );
  } finally {
    client.disconnect();
  }
}

async function inTime(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

async function install(): Promise<[Pick<typeof bullmq, 'Queue' | 'QueueEvents' | 'Worker'>, { Redis: typeof Redis }]> {
  try {
    return await Promise.all([import('bullmq'), import('ioredis')]);
  } catch (error) {
    throw unavailable('a fleet needs BullMQ and its Redis client: npm install bullmq ioredis', error);
  }
}

/** The URL without its password. */
export function masked(url: string): string {
  if (!URL.canParse(url)) return 'the given Redis URL';
  const parsed = new URL(url);
  if (parsed.password) parsed.password = '***';
  return parsed.href;
}
