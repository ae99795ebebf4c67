// What both of OpenAI's interfaces ask: one prompt about some pictures.
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Generation, PaliGemma, TokenLogprob } from 'node-paligemma';
import type { Call } from '../call.js';
import { badRequest } from '../errors.js';
import type { Picture } from '../images.js';
import type { ServedModel } from '../models/served-model.js';
import type { Context } from '../plugin.js';
import { friendly } from '../prompts.js';
import { type Form, formOf } from './form.js';
import { lastTurn, type Turn } from './turn.js';

/** How tokens are chosen, by names of the library's. */
export interface Choosing {
  maxTokens?: number | undefined;
  temperature?: number | undefined;
  topP?: number | undefined;
  seed?: number | undefined;
  stop?: string[] | undefined;
  logprobs?: number | undefined;
}

export interface Question {
  served: ServedModel;
  prompt: string;
  pictures: Picture[];
  choosing: Choosing;
  /** What the answer has to look like; plain text where there is none. */
  form: Form | undefined;
}

export interface Answered {
  text: string;
  finishReason: Generation['finishReason'];
  usage: { input: number; cached: number; output: number };
  logprobs?: TokenLogprob[] | undefined;
}

/** Characters of a prompt that a header tells: each is nine at most there, and proxies take some 4000. */
const HEADER_LIMIT = 400;

/** Half of a character, which JSON can hold, has no encoding: the way through bytes replaces it. */
const forHeader = (prompt: string) => encodeURIComponent(Buffer.from(prompt.slice(0, HEADER_LIMIT)).toString());

/**
 * Reads the conversation, and says in headers what was made of it.
 * @param turns from the first to the last
 * @param format as clients give it; of no interest where it asks for text
 */
export async function questionOf(
  context: Context,
  { model }: { model?: string | null },
  turns: Turn[],
  { choosing, format, reply, call }: { choosing: Choosing; format: unknown; reply: FastifyReply; call: Call },
): Promise<Question> {
  const { friendlyPrompts, lenient } = context.settings;
  const served = context.models.get(model);
  const { text, images, ignored } = lastTurn(turns, lenient);
  if (ignored.length > 0) reply.header('x-paligemma-ignored', ignored.join(', '));
  // A model that is not loaded yet may have a name that tells nothing.
  if (friendlyPrompts === 'auto' && !served.info) await served.ready(call.signal);
  const prompt = served.takesQuestions(friendlyPrompts) ? friendly(text) : text;
  if (prompt !== text) reply.header('x-paligemma-prompt', forHeader(prompt));
  const form = formOf(format, text);
  const pictures = await context.pictures.fromUrls(
    images.map(({ url, param }) => [url, param] as const),
    call.signal,
  );
  if (pictures.length !== 1 && form) throw badRequest('an answer of this form needs one picture', 'response_format');
  return { served, prompt, pictures, choosing, form };
}

/** The answer in one piece. */
export async function answerWhole(context: Context, question: Question, { signal }: Call): Promise<Answered> {
  const { served, form, prompt, pictures, choosing } = question;
  const answered = await served.use(async (model) => {
    if (!form) return toAnswered(await model.generate({ ...choosing, prompt, images: pictures, signal }), model);
    const { maxTokens, temperature, topP, seed } = choosing;
    const { value, run } = await form.ask(model, pictures, { maxTokens, temperature, topP, seed, signal });
    return { ...toAnswered(run, model), text: JSON.stringify(value) };
  }, signal);
  if (answered.text === '' && pictures.length === 0) throw nothingToSee();
  count(context, question, answered);
  return answered;
}

/** Pieces of text, then the whole answer. Of an answer that has a form there is one piece. */
export async function* answerInPieces(
  context: Context,
  question: Question,
  call: Call,
): AsyncIterable<string | Answered> {
  const { served, form, prompt, pictures, choosing } = question;
  if (form) {
    const answered = await answerWhole(context, question, call);
    yield answered.text;
    yield answered;
    return;
  }
  const { signal } = call;
  const pieces = served.stream(async function* (model) {
    const stream = model.stream({ ...choosing, prompt, images: pictures, signal });
    yield* stream;
    yield toAnswered(await stream.result, model);
  }, signal);
  for await (const piece of pieces) {
    if (typeof piece !== 'string') {
      if (piece.text === '' && pictures.length === 0) throw nothingToSee();
      count(context, question, piece);
    }
    yield piece;
  }
}

const count = (context: Context, { served }: Question, { usage }: Answered) =>
  context.counts.answered(served.id, { newTokens: usage.output, imageTokens: 0, promptTokens: usage.input });

const nothingToSee = () =>
  badRequest('the model answers nothing to this without a picture: add one as an image_url part', 'messages');

function toAnswered({ text, finishReason, usage, logprobs }: Generation, { info }: PaliGemma): Answered {
  const { imageTokens, promptTokens, newTokens, rememberedImages } = usage;
  const cached = rememberedImages * info.imageTokens;
  return { text, finishReason, logprobs, usage: { input: imageTokens + promptTokens, cached, output: newTokens } };
}

/** What no answer of these models can have. Given as nothing (null, 0, an empty list) it is passed over. */
export function refuseUnknown(request: FastifyRequest, fields: Readonly<Record<string, string>>): void {
  const body = request.body as Record<string, unknown>;
  for (const [name, why] of Object.entries(fields))
    if (!isNothing(body[name])) throw badRequest(`${name}: ${why}`, name);
}

const isNothing = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === 0 ||
  value === false ||
  (typeof value === 'object' && Object.keys(value).length === 0);

/** Seeds of other ranges than the library's are folded into it: the same seed still gives the same answer. */
export function seedOf(seed: number | null | undefined): number | undefined {
  if (seed === undefined || seed === null) return undefined;
  const range = 2 ** 32 - 1;
  return ((seed % range) + range) % range;
}
