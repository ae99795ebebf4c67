/**
 * `paligemma/server`: the server of `paligemma serve` as a Fastify plugin.
 * @packageDocumentation
 */
export type { ModelOptions, ServerOptions } from './options.js';
export { paligemmaServer } from './plugin.js';
