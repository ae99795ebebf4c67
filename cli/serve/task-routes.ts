// The library's tasks, each as it is described.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import {
  type Detection,
  draw,
  type Task,
  type TaskName,
  type TaskRun,
  type TaskRunOptions,
  taskSchema,
  tasks,
} from 'node-paligemma';
import { allTasks } from 'node-paligemma/support';
import { badRequest } from './errors.js';
import { DONE, event, sendEvents } from './events.js';
import { noPicture, type Picture, wantsPng } from './images.js';
import type { Context } from './plugin.js';
import { readMultipart, uploadsOf } from './uploads.js';

/** Beside a task's own options. */
export interface Asked {
  model?: string | null;
  image?: string | null;
  images?: string[] | null;
  stream?: boolean | null;
  [option: string]: unknown;
}

const picture = { type: ['string', 'null'], description: 'a picture as a data: URL' } as const;
const COMMON = {
  model: { type: ['string', 'null'], description: 'which model answers (default: the first)' },
  image: picture,
  images: { type: ['array', 'null'], items: { type: 'string' }, maxItems: 64, description: 'several pictures' },
} as const;

/** How a route takes options: in JSON, or in a form. */
const taking = (summary: string, properties: object, required: readonly string[] = []) => ({
  preValidation: readMultipart(properties as Record<string, unknown>),
  schema: {
    tags: ['Tasks'],
    summary,
    consumes: ['application/json', 'multipart/form-data'],
    body: { type: 'object', properties, required, additionalProperties: false },
  },
});

export function taskRoutes(app: FastifyInstance, context: Context): void {
  for (const task of allTasks) taskRoute(app, context, task);
  scoreRoute(app, context);
  encodeRoute(app, context);
}

function taskRoute(app: FastifyInstance, context: Context, task: Task): void {
  const { options, result } = taskSchema(task);
  const properties = {
    ...COMMON,
    ...(task.streams && { stream: { type: ['boolean', 'null'], description: 'server-sent events' } }),
    ...options.properties,
  };
  app.post<{ Body: Asked }>(
    `/v1/tasks/${task.name}`,
    {
      ...taking(task.summary, properties, options.required),
      config: { answers: result },
    },
    async (request, reply) => {
      const call = context.calls.of(reply);
      const { model: name, image, images, stream, ...asked } = request.body;
      const served = context.models.get(name);
      const pictures = await picturesOf(request, context, call.signal);
      if (pictures.length < task.images.least) throw noPicture(`the task ${task.name}`);
      const chosen = { ...withoutNull(asked), signal: call.signal } as TaskRunOptions<TaskName>;
      const taskName = task.name as TaskName;
      if (stream) {
        const pieces = served.stream(async function* (model) {
          const text = model.stream(taskName, pictures, chosen);
          yield* text;
          yield await text.result;
        }, call.signal);
        return sendEvents(reply, call, context.settings.slowClient, streamed(context, served.id, task, pieces));
      }
      const run = await served.use((model) => model.run(taskName, pictures, chosen), call.signal);
      context.counts.answered(served.id, run.usage);
      if (task.json.field === tasks.detect.json.field && wantsPng(request))
        return reply.type('image/png').send(await draw(pictures[0] as Picture, run.result as Detection[]));
      return reply.send(await answerOf(served.id, task, run));
    },
  );
}

/** Pieces of text, then the whole answer. */
async function* streamed(
  context: Context,
  id: string,
  task: Task,
  pieces: AsyncIterable<string | TaskRun<TaskName>>,
): AsyncIterable<string> {
  for await (const piece of pieces) {
    if (typeof piece === 'string') {
      yield event({ type: 'text', text: piece });
    } else {
      context.counts.answered(id, piece.usage);
      yield event({ type: 'result', ...(await answerOf(id, task, piece)) });
    }
  }
  yield DONE;
}

async function answerOf(model: string, task: Task, run: TaskRun<TaskName>): Promise<object> {
  const { text: _, result, ...rest } = run;
  return { model, [task.json.field]: await task.json.of(result as never), ...rest };
}

function scoreRoute(app: FastifyInstance, { calls, models, ...context }: Context): void {
  const text = { type: 'string' } as const;
  const properties = {
    ...COMMON,
    prompt: { ...text, description: 'as the model was trained with it, such as "caption en"' },
    answer: { ...text, minLength: 1, description: 'the answer whose probability is wanted' },
  };
  app.post<{ Body: Asked & { prompt: string; answer: string } }>(
    '/v1/tasks/score',
    taking('how probable an answer is', properties, ['prompt', 'answer']),
    async (request, reply) => {
      const { signal } = calls.of(reply);
      const { model, prompt, answer } = request.body;
      const served = models.get(model);
      const images = await picturesOf(request, context, signal);
      const score = await served.use((one) => one.score({ prompt, answer, images, signal }), signal);
      return { model: served.id, ...score };
    },
  );
}

function encodeRoute(app: FastifyInstance, { calls, models, ...context }: Context): void {
  const properties = {
    ...COMMON,
    encoding: {
      type: 'string',
      enum: ['base64', 'float'],
      description: 'of the features: little-endian float32 in base64 (default), or numbers',
    },
  };
  app.post<{ Body: Asked & { encoding?: 'base64' | 'float' } }>(
    '/v1/tasks/encode',
    taking('the projected features of a picture', properties),
    async (request, reply) => {
      const { signal } = calls.of(reply);
      const { model, encoding = 'base64' } = request.body;
      const served = models.get(model);
      const [image, ...others] = await picturesOf(request, context, signal);
      if (!image) throw noPicture('the task encode');
      if (others.length > 0) throw badRequest('the task encode is about one picture', 'images');
      return served.use(async (one) => {
        const values = await one.encode(image, { signal });
        const { imageTokens, width } = one.info;
        const features =
          encoding === 'float'
            ? [...values]
            : Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');
        return { model: served.id, shape: [imageTokens, width], encoding, features };
      }, signal);
    },
  );
}

/** Those that were uploaded, and those in the fields. */
async function picturesOf(
  request: FastifyRequest<{ Body: Asked }>,
  { pictures }: Pick<Context, 'pictures'>,
  signal: AbortSignal,
): Promise<Picture[]> {
  const { image, images } = request.body;
  const named = [
    ...(image == null ? [] : [[image, 'image'] as const]),
    ...(images ?? []).map((one, i) => [one, `images.${i}`] as const),
  ];
  return [...uploadsOf(request), ...(await pictures.fromUrls(named, signal))];
}

const withoutNull = (options: object): object =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null));

declare module 'fastify' {
  interface FastifyContextConfig {
    /** JSON Schema of what comes back, for the description of the interface. */
    answers?: unknown;
  }
}
