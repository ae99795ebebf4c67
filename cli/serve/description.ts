// GET /openapi.json, and /docs, a page of it.
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { openTo } from './guard.js';
import { version } from './package.js';

const TAGS = [
  { name: 'OpenAI', description: "What clients of OpenAI's interface speak." },
  { name: 'Tasks', description: "The library's tasks: boxes, masks, choices and probabilities." },
  { name: 'Hugging Face', description: "Hugging Face's task schemas, for its clients with an endpoint's URL." },
  { name: 'Models', description: 'What is served.' },
  { name: 'Server', description: 'How it does.' },
];

/** Before the routes: they are noted as they are added. */
export async function describeInterface(app: FastifyInstance): Promise<void> {
  if (app.hasDecorator('swagger')) return; // whoever mounts this describes all of it
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'paligemma serve', version, description: 'PaliGemma over HTTP' },
      tags: TAGS,
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      security: [{ key: [] }],
    },
    transform({ schema, url, route }) {
      const answers = route.config?.answers;
      const response = { 200: { description: 'the answer', ...(answers ? (answers as object) : {}) } };
      return { schema: { ...schema, response }, url };
    },
  });
  app.get('/openapi.json', { config: { open: true }, schema: { hide: true } }, async () => app.swagger());
  await app.register(async (scope) => {
    openTo(scope);
    await scope.register(swaggerUi, { routePrefix: '/docs', staticCSP: true, theme: { title: 'paligemma serve' } });
  });
}
