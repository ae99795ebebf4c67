// What is served here and how it does: GET /v1/models, /health, /metrics.
import type { FastifyInstance } from 'fastify';
import { describe } from 'node-paligemma/support';
import { HttpError } from './errors.js';
import type { ServedModel } from './models/served-model.js';
import type { Context } from './plugin.js';

export function modelRoutes(app: FastifyInstance, { models, settings, counts }: Context): void {
  const described = (model: ServedModel) => entryOf(model, settings.friendlyPrompts);

  app.get('/v1/models', { schema: { tags: ['Models'], summary: 'the models that are served' } }, async () => ({
    object: 'list',
    data: models.all.map(described),
  }));

  // Hub ids have a slash in them, which clients may or may not escape.
  app.get<{ Params: { '*': string } }>(
    '/v1/models/*',
    { schema: { tags: ['Models'], summary: 'one of them' } },
    async ({ params }) => described(models.get(params['*'])),
  );

  app.get(
    '/health',
    { config: { open: true }, schema: { tags: ['Server'], summary: 'whether requests are answered' } },
    async () => {
      if (settings.preload && models.all.some(({ state }) => state === 'loading'))
        throw new HttpError(503, 'ERR_MODEL_LOADING', 'Loading model', { retryAfter: 1 });
      const failed = settings.preload ? models.all.find(({ state }) => state === 'failed') : undefined;
      if (failed) throw new HttpError(503, describe(failed.error).code, `the model ${failed.id} cannot be loaded`);
      return { status: 'ok' };
    },
  );

  if (settings.metrics)
    app.get('/metrics', { schema: { tags: ['Server'], summary: 'counts for Prometheus' } }, async (_, reply) =>
      reply.type(counts.registry.contentType).send(await counts.registry.metrics()),
    );
}

function entryOf(model: ServedModel, friendlyPrompts: boolean | 'auto') {
  const { id, created, state, progress, error, info } = model;
  const { path: _path, files: _files, ...told } = info ?? {};
  return {
    id,
    object: 'model',
    created,
    owned_by: id.includes('/') ? id.split('/')[0] : 'node-paligemma',
    paligemma: {
      state,
      ...(progress && { progress }),
      ...(state === 'failed' && { error: describe(error) }),
      embedded: info?.embedded ?? model.options.model === 'embedded',
      friendlyPrompts: model.takesQuestions(friendlyPrompts),
      ...(info && { info: told }),
    },
  };
}
