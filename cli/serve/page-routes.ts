// The page, and what only the page needs: what it may do, Google's models, and fetching them.
import { existsSync } from 'node:fs';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { PaliGemma } from 'node-paligemma';
import { hubToken, QUANTIZATIONS } from 'node-paligemma/support';
import { Downloads } from './downloads.js';
import { HttpError } from './errors.js';
import { isLoopback, openTo } from './guard.js';
import { PAGE_FOLDER, version } from './package.js';
import type { Context } from './plugin.js';

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export async function pageRoutes(app: FastifyInstance, context: Context): Promise<void> {
  const { settings, models } = context;
  const downloads = new Downloads(models, settings, app.log);
  app.addHook('preClose', async () => downloads.end());

  // Who fetches fills this machine's disk with its user's token: from this machine alone, not through a proxy on it.
  const mayDownload = (request: FastifyRequest) =>
    isLoopback(settings.host) &&
    isLoopback(request.socket.remoteAddress ?? '') &&
    isLoopback((request.hostname ?? '').replace(/^\[|\]$/g, ''));
  const checked = (request: FastifyRequest) => {
    if (!mayDownload(request))
      throw new HttpError(403, 'ERR_FORBIDDEN', 'models are fetched from a page on this machine alone');
  };

  await app.register(async (scope) => {
    hide(scope);
    scope.get('/page/config', { config: { open: true } }, async (request) => ({
      version,
      keyNeeded: settings.apiKeys.length > 0,
      downloads: mayDownload(request),
      hubToken: (await hubToken().catch(() => undefined)) !== undefined,
    }));
    scope.get('/page/published', async () => ({ models: PaliGemma.models(), types: QUANTIZATIONS }));
    scope.get('/page/downloads', async (request) => {
      checked(request);
      return { downloads: downloads.all };
    });
    scope.post<{ Body: { model: string; quantization?: string | null } }>(
      '/page/downloads',
      {
        schema: {
          body: {
            type: 'object',
            properties: {
              model: { type: 'string', enum: PaliGemma.models().map(({ id }) => id) },
              quantization: { type: ['string', 'null'], enum: [...QUANTIZATIONS, null] },
            },
            required: ['model'],
            additionalProperties: false,
          },
        },
      },
      async (request, reply) => {
        checked(request);
        const { model, quantization } = request.body;
        return reply.code(202).send(downloads.start(model, quantization as never));
      },
    );
    scope.delete<{ Params: { id: string } }>('/page/downloads/:id', async (request, reply) => {
      checked(request);
      downloads.cancel(request.params.id);
      return reply.code(204).send();
    });
  });

  await app.register(async (scope) => {
    openTo(scope);
    hide(scope);
    if (existsSync(PAGE_FOLDER))
      await scope.register(fastifyStatic, {
        root: PAGE_FOLDER,
        wildcard: false,
        decorateReply: false,
        setHeaders(response, file) {
          response.setHeader('content-security-policy', POLICY);
          response.setHeader('referrer-policy', 'no-referrer');
          // Names of what Vite makes change with what is in them.
          const lasting = /[\\/]assets[\\/]/.test(file);
          response.setHeader('cache-control', lasting ? 'public, max-age=31536000, immutable' : 'no-cache');
        },
      });
    else scope.get('/', async () => ({ name: 'paligemma serve', version, see: '/openapi.json' }));
  });
}

/** What is the page's own stands in no description. */
function hide(scope: FastifyInstance): void {
  scope.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, hide: true };
  });
}
