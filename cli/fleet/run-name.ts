import { createHash, randomUUID } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import type { Redis } from 'ioredis';

/** Seconds. */
const WEEK = 7 * 24 * 3600;

/** The name under which a job for this output was begun, or a new one. */
export async function runName(
  client: Redis,
  { queue, output, resume }: { queue: string; output: string; resume: boolean },
): Promise<string> {
  const place = createHash('sha256')
    .update(JSON.stringify([os.hostname(), path.resolve(output)]))
    .digest('hex');
  const key = `${queue}:run:${place}`;
  const name = (resume ? await client.get(key) : null) ?? randomUUID();
  await client.set(key, name, 'EX', WEEK);
  return name;
}
