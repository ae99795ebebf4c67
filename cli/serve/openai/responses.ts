// POST /v1/responses: the part that needs no memory of earlier ones.
import { randomUUID } from 'node:crypto';
import { type Static, Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { badRequest } from '../errors.js';
import { event, sendEvents } from '../events.js';
import type { Context } from '../plugin.js';
import { type Answered, answerInPieces, answerWhole, questionOf, refuseUnknown, seedOf } from './question.js';
import { orNull, Sampling } from './schema.js';
import type { Turn } from './turn.js';

const Body = Type.Object(
  {
    ...Sampling,
    input: Type.Unknown({
      description: 'a text, or messages with parts {type: "input_text", text} and {type: "input_image", image_url}',
    }),
    instructions: orNull(Type.String()),
    max_output_tokens: orNull(Type.Integer({ minimum: 1, description: 'default 100' })),
    text: orNull(Type.Object({ format: orNull(Type.Object({ type: Type.String() })) })),
    previous_response_id: orNull(Type.String()),
    background: orNull(Type.Boolean()),
  },
  { additionalProperties: true },
);
type Body = Static<typeof Body>;

const CANNOT = {
  tools: 'the model calls no tools',
  previous_response_id: 'no response is kept here: send all of it',
  conversation: 'no conversation is kept here: send all of it',
  background: 'nothing is answered in the background',
} as const;

export function responsesRoute(app: FastifyInstance, context: Context): void {
  app.post<{ Body: Body }>(
    '/v1/responses',
    { schema: { tags: ['OpenAI'], summary: 'answer a prompt about pictures; nothing is kept', body: Body } },
    async (request, reply) => {
      const call = context.calls.of(reply);
      const { body } = request;
      refuseUnknown(request, CANNOT);
      const choosing = {
        maxTokens: body.max_output_tokens ?? undefined,
        temperature: body.temperature ?? undefined,
        topP: body.top_p ?? undefined,
        seed: seedOf(body.seed),
      };
      const question = await questionOf(context, body, turnsOf(body), {
        choosing,
        format: body.text?.format,
        reply,
        call,
      });
      const response = new Response(body, question.served.id);
      if (!body.stream) return response.whole(await answerWhole(context, question, call));
      const events = response.events(answerInPieces(context, question, call));
      return sendEvents(reply, call, context.settings.slowClient, events);
    },
  );
}

function turnsOf({ input, instructions }: Body): Turn[] {
  const before: Turn[] = instructions ? [{ role: 'system', content: instructions, param: 'instructions' }] : [];
  if (typeof input === 'string') return [...before, { role: 'user', content: input, param: 'input' }];
  if (!Array.isArray(input)) throw badRequest('input must be a text or a list of messages', 'input');
  return [
    ...before,
    ...input.map((item, i) => {
      const { type = 'message', role, content } = (item ?? {}) as { type?: unknown; role?: unknown; content?: unknown };
      if (type !== 'message' || typeof role !== 'string')
        throw badRequest(`input.${i} must be a message with a role`, `input.${i}`);
      return { role, content, param: `input.${i}` };
    }),
  ];
}

/** One response, as a whole and as the events that make it. */
class Response {
  readonly #id = `resp_${randomUUID().replaceAll('-', '')}`;
  readonly #messageId = `msg_${randomUUID().replaceAll('-', '')}`;
  readonly #created = Math.floor(Date.now() / 1000);
  #number = 0;

  constructor(
    private readonly body: Body,
    private readonly model: string,
  ) {}

  whole({ text, finishReason, usage: { input, cached, output } }: Answered) {
    const complete = finishReason === 'stop';
    return this.#response({
      status: complete ? 'completed' : 'incomplete',
      incomplete_details: complete ? null : { reason: 'max_output_tokens' },
      output: [this.#message([part(text)], complete ? 'completed' : 'incomplete')],
      usage: {
        input_tokens: input,
        input_tokens_details: { cached_tokens: cached },
        output_tokens: output,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: input + output,
      },
    });
  }

  async *events(pieces: AsyncIterable<string | Answered>): AsyncIterable<string> {
    const place = { item_id: this.#messageId, output_index: 0, content_index: 0 };
    let begun = false;
    for await (const piece of pieces) {
      if (!begun) {
        begun = true;
        const response = this.#response({ status: 'in_progress', incomplete_details: null, output: [], usage: null });
        yield this.#event('response.created', { response });
        yield this.#event('response.in_progress', { response });
        yield this.#event('response.output_item.added', { output_index: 0, item: this.#message([], 'in_progress') });
        yield this.#event('response.content_part.added', { ...place, part: part('') });
      }
      if (typeof piece === 'string') {
        yield this.#event('response.output_text.delta', { ...place, delta: piece, logprobs: [] });
        continue;
      }
      const response = this.whole(piece);
      const { text } = piece;
      yield this.#event('response.output_text.done', { ...place, text, logprobs: [] });
      yield this.#event('response.content_part.done', { ...place, part: part(text) });
      yield this.#event('response.output_item.done', { output_index: 0, item: response.output[0] });
      yield this.#event(`response.${response.status}`, { response });
    }
  }

  #event(type: string, rest: object): string {
    return event({ type, sequence_number: this.#number++, ...rest }, type);
  }

  #message = (content: object[], status: string) => ({
    type: 'message',
    id: this.#messageId,
    status,
    role: 'assistant',
    content,
  });

  #response<R extends { status: string; output: object[] }>(rest: R) {
    const { temperature, top_p, max_output_tokens, text } = this.body;
    return {
      id: this.#id,
      object: 'response',
      created_at: this.#created,
      error: null,
      instructions: null,
      max_output_tokens: max_output_tokens ?? null,
      model: this.model,
      parallel_tool_calls: false,
      previous_response_id: null,
      store: false,
      temperature: temperature ?? 0,
      text: { format: text?.format ?? { type: 'text' } },
      tool_choice: 'none',
      tools: [],
      top_p: top_p ?? 1,
      truncation: 'disabled',
      metadata: {},
      ...rest,
    };
  }
}

const part = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] });
