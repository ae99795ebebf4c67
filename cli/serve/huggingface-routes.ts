// Hugging Face's task schemas (huggingface.js, packages/tasks), for its clients with an endpoint's URL.
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Detection, Mask, Segment } from 'node-paligemma';
import { logprobOf } from 'node-paligemma/support';
import sharp from 'sharp';
import { badRequest } from './errors.js';
import type { Picture } from './images.js';
import type { ServedModel } from './models/served-model.js';
import type { Context } from './plugin.js';

interface Query {
  model?: string;
  /** With `;` between them. */
  labels?: string;
}

interface Parameters {
  max_new_tokens?: number | null;
  top_k?: number | null;
  threshold?: number | null;
  mask_threshold?: number | null;
  candidate_labels?: string[] | string | null;
  generation_parameters?: { max_new_tokens?: number | null } | null;
  [other: string]: unknown;
}

interface Inputs {
  inputs?: unknown;
  parameters?: Parameters | null;
}

/** What one request asks. */
interface Asked {
  served: ServedModel;
  signal: AbortSignal;
  parameters: Parameters;
  inputs: unknown;
  labels: string | undefined;
}

type Route = { Querystring: Query; Body: Buffer | Inputs };

const SCHEMA = {
  tags: ['Hugging Face'],
  querystring: {
    type: 'object',
    properties: { model: { type: 'string' }, labels: { type: 'string', description: 'with ; between them' } },
  },
} as const;

export function huggingFaceRoutes(app: FastifyInstance, context: Context): void {
  // Bytes come as whatever type the client thinks they are, or none.
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));

  const route = (
    name: string,
    summary: string,
    answer: (picture: Picture, asked: Asked) => Promise<unknown>,
    imageOf: (inputs: unknown) => unknown = (inputs) => inputs,
  ) =>
    app.post<Route>(`/hf/${name}`, { schema: { ...SCHEMA, summary } }, async (request, reply) => {
      const { signal } = context.calls.of(reply);
      const { inputs, parameters } = bodyOf(request);
      const { model, labels } = request.query;
      const asked = { served: context.models.get(model), signal, parameters, inputs, labels };
      const image = imageOf(inputs);
      const picture = image instanceof Uint8Array ? image : await context.pictures.fromText(image, 'inputs', signal);
      return answer(picture, asked);
    });

  route('image-to-text', 'describe a picture', async (picture, { served, signal, parameters }) => {
    const maxTokens = whole(
      parameters.max_new_tokens ?? parameters.generation_parameters?.max_new_tokens,
      'max_new_tokens',
    );
    const text = await served.use((model) => model.caption(picture, { maxTokens, signal }), signal);
    return { generated_text: text };
  });

  route(
    'visual-question-answering',
    'answer a question about a picture',
    async (picture, { served, signal, parameters, inputs }) => {
      whole(parameters.top_k, 'top_k');
      const { question } = inputs as { question?: unknown };
      if (typeof question !== 'string' || question.trim() === '')
        throw badRequest('inputs.question must be a question', 'inputs.question');
      const answered = await served.use(
        (model) =>
          model.generate({ prompt: `answer en ${question}`, images: [picture], logprobs: 0, locations: false, signal }),
        signal,
      );
      return [{ answer: answered.text, score: Math.exp(logprobOf(answered)) }];
    },
    (inputs) => (inputs as { image?: unknown } | undefined)?.image,
  );

  const found = async (
    kind: 'detect' | 'segment',
    picture: Picture,
    { served, signal, parameters, labels }: Asked,
    names: string[] | string | undefined,
  ): Promise<(Detection | Segment)[]> => {
    const wanted = names ?? labels ?? context.settings.labels;
    if (wanted === undefined || wanted.length === 0)
      throw badRequest(
        `PaliGemma finds what it is asked for: name it in parameters.candidate_labels, in the endpoint's URL (?labels=cat;dog), or start the server with --labels`,
        'parameters.candidate_labels',
      );
    const least = threshold(parameters.threshold);
    const objects = await served.use((model) => model[kind](picture, wanted, { signal }), signal);
    return objects.filter(({ score }) => score >= least);
  };

  for (const name of ['object-detection', 'zero-shot-object-detection'])
    route(name, 'find things by name', async (picture, asked) => {
      const objects = await found('detect', picture, asked, candidates(asked.parameters));
      return objects.map(({ label, score, box }) => ({ label, score, box: rounded(box) }));
    });

  route('image-segmentation', 'outline things by name', async (picture, asked) => {
    if ((asked.parameters.mask_threshold ?? 0.5) !== 0.5)
      throw badRequest('masks are cut at a mask_threshold of 0.5 alone', 'parameters.mask_threshold');
    const segments = (await found('segment', picture, asked, candidates(asked.parameters))) as Segment[];
    return Promise.all(
      segments.map(async ({ label, score, mask }) => {
        if (!mask) throw badRequest('this model has no mask decoder: it gives boxes alone, by object-detection');
        return { label, score, mask: (await png(mask)).toString('base64') };
      }),
    );
  });
}

/** Bytes of a picture alone, or JSON. */
function bodyOf({ body }: FastifyRequest<Route>): { inputs: unknown; parameters: Parameters } {
  if (Buffer.isBuffer(body)) return { inputs: body, parameters: {} };
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw badRequest('send the bytes of a picture, or JSON with "inputs"');
  const { inputs, parameters } = body;
  if (inputs === undefined || inputs === null) throw badRequest('inputs is missing', 'inputs');
  if (parameters !== undefined && (typeof parameters !== 'object' || Array.isArray(parameters)))
    throw badRequest('parameters must be an object', 'parameters');
  return { inputs, parameters: parameters ?? {} };
}

function whole(value: unknown, name: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (!Number.isSafeInteger(value) || (value as number) < 1 || (value as number) > 1 << 20)
    throw badRequest(`parameters.${name} must be a whole number, at least 1`, `parameters.${name}`);
  return value as number;
}

function threshold(value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value !== 'number' || !(value >= 0 && value <= 1))
    throw badRequest('parameters.threshold must be a number from 0 to 1', 'parameters.threshold');
  return value;
}

function candidates({ candidate_labels: given }: Parameters): string[] | undefined {
  if (given === undefined || given === null) return undefined;
  const list = typeof given === 'string' ? given.split(',') : given;
  if (!Array.isArray(list) || list.length === 0 || list.some((label) => typeof label !== 'string'))
    throw badRequest('parameters.candidate_labels must be names', 'parameters.candidate_labels');
  return list;
}

const rounded = (box: Detection['box']) =>
  Object.fromEntries(Object.entries(box).map(([side, value]) => [side, Math.round(value)]));

/** White where the thing is. */
const png = ({ data, width, height }: Mask): Promise<Buffer> =>
  sharp(data, { raw: { width, height, channels: 1 } })
    .png()
    .toBuffer();
