// BullMQ and its Redis client, which only those install who use a fleet.
import type * as bullmq from 'bullmq';
import type { Redis } from 'ioredis';
import { PaliGemmaError, reasonOf } from '../../errors.js';

const FIRST_ANSWER_MS = 10_000;
const LONGEST_WAIT_MS = 5_000;

export interface Connection {
  bullmq: Pick<typeof bullmq, 'Queue' | 'QueueEvents' | 'Worker'>;
  /** Another client, for a part that listens. It connects again by itself, however long Redis is away. */
  client(): Redis;
  close(): void;
}

const unavailable = (message: string, cause?: unknown) =>
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
  const close = () => {
    for (const made of clients) made.disconnect();
  };
  const first = new driver.Redis(url, {
    lazyConnect: true,
    connectTimeout: FIRST_ANSWER_MS,
    retryStrategy: () => null,
  });
  first.on('error', () => {}); // comes with the rejection too
  try {
    await first.connect();
    await first.ping();
  } catch (error) {
    throw unavailable(`${shown} does not answer: ${reasonOf(error)}`, error);
  } finally {
    first.disconnect();
  }
  return { bullmq: queue, client, close };
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
