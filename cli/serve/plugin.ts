// The server, as a Fastify plugin: what `paligemma serve` runs, and what others mount in theirs.
import cors from '@fastify/cors';
import multipart from '@fastify/multipart';
import rateLimit from '@fastify/rate-limit';
import { Ajv } from 'ajv';
import type { FastifyInstance } from 'fastify';
import { Calls } from './call.js';
import { Counts } from './counts.js';
import { describeInterface } from './description.js';
import { answerError, HttpError } from './errors.js';
import { bearerOf, Guard } from './guard.js';
import { huggingFaceRoutes } from './huggingface-routes.js';
import { Pictures } from './images.js';
import { modelRoutes } from './model-routes.js';
import { Models } from './models/models.js';
import { chatRoute } from './openai/chat.js';
import { responsesRoute } from './openai/responses.js';
import { type ServerOptions, type Settings, settingsOf } from './options.js';
import { whenOver } from './over.js';
import { pageRoutes } from './page-routes.js';
import { taskRoutes } from './task-routes.js';
import { limitBytes } from './traffic.js';

/** What the routes work with. */
export interface Context {
  settings: Settings;
  models: Models;
  calls: Calls;
  pictures: Pictures;
  counts: Counts;
}

/** The most files and fields of a form. */
const FORM = { files: 64, fields: 64, parts: 128, fieldSize: 1 << 16 };

/**
 * OpenAI's, Hugging Face's and the library's own interface over models, and a page. Closing the instance tells those who wait,
 * finishes what runs and unloads the models.
 */
export async function paligemmaServer(app: FastifyInstance, options: ServerOptions = {}): Promise<void> {
  const settings = settingsOf(options);
  const { apiKeys, bodyLimit, bodyBudget, corsOrigins, rateLimit: perMinute } = settings;
  const models = new Models(settings, app.log);
  const counts = new Counts(models);
  const calls = new Calls(settings.timeout);
  const context: Context = { settings, models, calls, counts, pictures: await Pictures.open(settings) };

  // Whatever the instance does that this is mounted in: nothing is coerced, dropped or added.
  const ajv = new Ajv({ strict: false, coerceTypes: false, removeAdditional: false, useDefaults: false });
  app.setValidatorCompiler(({ schema }) => ajv.compile(schema as object));
  app.setErrorHandler(answerError);
  app.setNotFoundHandler(() => {
    throw new HttpError(404, 'ERR_NOT_FOUND', 'there is nothing at this path: see /openapi.json');
  });

  if (corsOrigins.length > 0) await app.register(cors, { origin: corsOrigins.includes('*') ? true : corsOrigins });
  const guard = new Guard(settings);
  app.addHook('onRequest', async (request, reply) => {
    const started = performance.now();
    whenOver(reply, () => {
      const { url: route = 'none' } = request.routeOptions;
      const status = reply.raw.writableFinished ? reply.raw.statusCode : 499;
      const ms = Math.round(performance.now() - started);
      counts.request(route, status, ms);
      // Neither the query nor a body: they hold what people ask.
      request.log.info({ method: request.method, route, status, ms }, 'answered');
    });
  });
  app.addHook('onRequest', async (request, reply) => {
    reply.header('x-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
    guard.check(request);
  });
  if (perMinute !== undefined)
    await app.register(rateLimit, {
      max: perMinute,
      timeWindow: 60_000,
      keyGenerator: (request) => (apiKeys.length > 0 ? bearerOf(request) : undefined) ?? request.ip,
      errorResponseBuilder: (_, { ttl }) =>
        new HttpError(429, 'ERR_RATE_LIMIT', `${perMinute} requests a minute are allowed`, {
          retryAfter: Math.ceil(ttl / 1000),
        }),
    });
  limitBytes(app, { bodyLimit, bodyBudget, slowClient: settings.slowClient });
  app.addHook('onRoute', (route) => {
    route.bodyLimit ??= bodyLimit;
  });
  app.addHook('preClose', async () => {
    models.stop(new HttpError(503, 'ERR_STOPPING', 'the server is being stopped', { retryAfter: 5 }));
  });
  app.addHook('onClose', async () => models.end());

  await app.register(multipart, { limits: { ...FORM, fileSize: bodyLimit } });
  await describeInterface(app);
  modelRoutes(app, context);
  chatRoute(app, context);
  responsesRoute(app, context);
  taskRoutes(app, context);
  await app.register(async (scope) => huggingFaceRoutes(scope, context));
  if (settings.page) await pageRoutes(app, context);
  if (settings.preload) for (const model of models.all) void model.load().catch(() => {});
  app.decorate('paligemma', { models, calls });
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Of the server's own plugin. */
    paligemma: { models: Models; calls: Calls };
  }
}
