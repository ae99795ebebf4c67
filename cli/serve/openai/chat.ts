// POST /v1/chat/completions
import { randomUUID } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { TokenLogprob } from 'node-paligemma';
import { badRequest } from '../errors.js';
import { DONE, event, sendEvents } from '../events.js';
import type { Context } from '../plugin.js';
import {
  type Answered,
  answerInPieces,
  answerWhole,
  type Choosing,
  type Question,
  questionOf,
  refuseUnknown,
  seedOf,
} from './question.js';
import { orNull, Sampling } from './schema.js';

const Body = Type.Object(
  {
    ...Sampling,
    messages: Type.Array(
      Type.Object({
        role: Type.String(),
        content: Type.Optional(
          Type.Unknown({
            description: 'a text, or parts: {type: "text", text}, {type: "image_url", image_url: {url}}',
          }),
        ),
      }),
      { minItems: 1, maxItems: 1024, description: 'one of the user, with the prompt and its pictures' },
    ),
    max_tokens: orNull(Type.Integer({ minimum: 1, description: 'default 100' })),
    max_completion_tokens: orNull(Type.Integer({ minimum: 1, description: 'as max_tokens' })),
    stop: orNull(
      Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { maxItems: 16 })]),
    ),
    logprobs: orNull(Type.Boolean()),
    top_logprobs: orNull(Type.Integer({ minimum: 0, maximum: 20 })),
    n: orNull(Type.Integer({ minimum: 1, maximum: 1, description: '1' })),
    stream_options: orNull(Type.Object({ include_usage: Type.Optional(Type.Boolean()) })),
    response_format: orNull(
      Type.Object({ type: Type.String() }, { description: 'a JSON schema of boxes or of a choice' }),
    ),
  },
  { additionalProperties: true },
);
type Body = Static<typeof Body>;

const CANNOT = {
  tools: 'the model calls no tools',
  functions: 'the model calls no functions',
  frequency_penalty: 'tokens are not penalised',
  presence_penalty: 'tokens are not penalised',
  logit_bias: 'tokens have no bias',
  audio: 'the model does not speak',
} as const;

export function chatRoute(app: FastifyInstance, context: Context): void {
  app.post<{ Body: Body }>(
    '/v1/chat/completions',
    { schema: { tags: ['OpenAI'], summary: 'answer a prompt about pictures', body: Body } },
    async (request, reply) => {
      const call = context.calls.of(reply);
      const { body } = request;
      refuseUnknown(request, CANNOT);
      const turns = body.messages.map(({ role, content }, i) => ({ role, content, param: `messages.${i}` }));
      const asked = { choosing: choosingOf(body), format: body.response_format, reply, call };
      const question = await questionOf(context, body, turns, asked);
      const head = headOf(question);
      if (!body.stream) return completion(head, await answerWhole(context, question, call));
      const events = chunks(head, answerInPieces(context, question, call), body.stream_options?.include_usage === true);
      return sendEvents(reply, call, context.settings.slowClient, events);
    },
  );
}

function choosingOf(body: Body): Choosing {
  if (typeof body.top_logprobs === 'number' && !body.logprobs)
    throw badRequest('top_logprobs goes with logprobs: true', 'top_logprobs');
  return {
    maxTokens: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    temperature: body.temperature ?? undefined,
    topP: body.top_p ?? undefined,
    seed: seedOf(body.seed),
    stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? undefined),
    logprobs: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
  };
}

interface Head {
  id: string;
  created: number;
  model: string;
}

const headOf = ({ served }: Question): Head => ({
  id: `chatcmpl-${randomUUID()}`,
  created: Math.floor(Date.now() / 1000),
  model: served.id,
});

const completion = ({ id, created, model }: Head, answered: Answered) => ({
  id,
  object: 'chat.completion',
  created,
  model,
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: answered.text, refusal: null },
      logprobs: logprobsOf(answered),
      finish_reason: answered.finishReason,
    },
  ],
  usage: usageOf(answered),
});

/** Log-probabilities come with the last piece: only then all are known. */
async function* chunks(
  { id, created, model }: Head,
  pieces: AsyncIterable<string | Answered>,
  withUsage: boolean,
): AsyncIterable<string> {
  const chunk = (rest: object) => event({ id, object: 'chat.completion.chunk', created, model, ...rest });
  const choice = (delta: object, finish: string | null = null, logprobs: object | null = null) =>
    chunk({ choices: [{ index: 0, delta, logprobs, finish_reason: finish }], ...(withUsage && { usage: null }) });
  let first = true;
  for await (const piece of pieces) {
    // Not before: until then a failure has a status of its own.
    if (first) yield choice({ role: 'assistant', content: '' });
    first = false;
    if (typeof piece === 'string') {
      yield choice({ content: piece });
    } else {
      yield choice({}, piece.finishReason, logprobsOf(piece));
      if (withUsage) yield chunk({ choices: [], usage: usageOf(piece) });
    }
  }
  yield DONE;
}

const usageOf = ({ usage: { input, cached, output } }: Answered) => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
  prompt_tokens_details: { cached_tokens: cached },
});

const logprobsOf = ({ logprobs }: Answered) =>
  logprobs
    ? { content: logprobs.map(({ top, ...one }) => ({ ...entry(one), top_logprobs: top.map(entry) })), refusal: null }
    : null;

const entry = ({ text, logprob }: Pick<TokenLogprob, 'text' | 'logprob'>) => ({
  token: text,
  logprob,
  bytes: [...Buffer.from(text)],
});
