// Counts for Prometheus.
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { invalid, move, reasonOf } from 'node-paligemma/support';
import type { Registry } from 'prom-client';
import { remark } from './common.js';

const EVERY_MS = 5_000;

/**
 * Publishes counts until it is closed.
 * @param where a text file that is kept up to date, or :PORT to serve them at
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT when it cannot be written or the port is in use
 */
export async function publishMetrics(
  where: string | undefined,
  registry: Registry,
): Promise<{ close(): Promise<void> }> {
  if (where === undefined) return { close: async () => {} };
  const port = /^:(\d{1,5})$/.exec(where)?.[1];
  try {
    return await (port === undefined ? keepFile(where, registry) : serve(Number(port), registry));
  } catch (error) {
    const used = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
    const reason = used ? 'the port is in use, give another one' : reasonOf(error);
    throw invalid(`counts cannot be published at --metrics ${where}: ${reason}`);
  }
}

/** Put in place whole, so that who reads it never sees a half. */
async function keepFile(file: string, registry: Registry) {
  const write = async () => {
    await writeFile(`${file}.partial`, await registry.metrics());
    await move(`${file}.partial`, file);
  };
  const keep = () => write().catch((error) => remark(`metrics: ${error.message}`));
  await write();
  const timer = setInterval(keep, EVERY_MS);
  return {
    async close() {
      clearInterval(timer);
      await keep();
    },
  };
}

async function serve(port: number, registry: Registry) {
  const server = createServer(async (_, response) => {
    response.setHeader('content-type', registry.contentType).end(await registry.metrics());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, resolve));
  return {
    async close() {
      server.close();
      server.closeAllConnections(); // who is slow to read is not waited for
    },
  };
}
