// Programs that speak OpenAI's or Hugging Face's interface, with the server's address instead of theirs: each answer is the library's.
import fs from 'node:fs';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { InferenceClient } from '@huggingface/inference';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { HumanMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { generateObject, generateText, jsonSchema, streamText } from 'ai';
import OpenAI from 'openai';
import sharp from 'sharp';
import type { RunningServer } from '../../cli/serve/server.js';
import { PaliGemma } from '../../lib/index.js';
import { PICTURE } from '../helpers/fixtures.js';
import { asDataUrl, post, serve } from '../helpers/server.js';

const bytes = fs.readFileSync(PICTURE);
const picture = asDataUrl(bytes);
const QUESTION = 'how many animals are there?';

let model: PaliGemma;
let server: RunningServer;

beforeAll(async () => {
  model = await PaliGemma.load('embedded');
  server = await serve({ apiKeys: ['the-key'] });
});
afterAll(async () => {
  await server.close(5);
  await model.dispose();
});

const about = (text: string) => [
  { type: 'text' as const, text },
  { type: 'image_url' as const, image_url: { url: picture } },
];

describe('openai', () => {
  let client: OpenAI;
  beforeAll(() => {
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'the-key', maxRetries: 0 });
  });
  const ask = (text: string) => ({ model: 'embedded', messages: [{ role: 'user' as const, content: about(text) }] });

  test('lists models and one of them', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(['embedded']);
    expect(await client.models.retrieve('embedded')).toMatchObject({ id: 'embedded', object: 'model' });
  });

  test('chats', async () => {
    const { choices, usage } = await client.chat.completions.create({
      ...ask('caption en'),
      logprobs: true,
      top_logprobs: 2,
    });
    const own = await model.generate({ prompt: 'caption en', images: [PICTURE], logprobs: 2 });
    expect(choices).toHaveLength(1);
    expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { role: 'assistant', content: own.text } });
    const told = choices[0]?.logprobs?.content ?? [];
    expect(told.map(({ token }) => token)).toEqual(own.logprobs?.map(({ text }) => text));
    for (const [i, { logprob, top_logprobs }] of told.entries()) {
      expect(logprob).toBeCloseTo(own.logprobs?.[i]?.logprob as number, 4);
      expect(top_logprobs).toHaveLength(2);
    }
    const { imageTokens, promptTokens, newTokens } = own.usage;
    expect(usage).toMatchObject({ prompt_tokens: imageTokens + promptTokens, completion_tokens: newTokens });
  });

  test('asks a plain question as the model was trained to be asked, and hears so', async () => {
    const { data, response } = await client.chat.completions.create(ask(QUESTION)).withResponse();
    expect(data.choices[0]?.message.content).toBe(await model.answer(PICTURE, QUESTION));
    expect(decodeURIComponent(response.headers.get('x-paligemma-prompt') ?? '')).toBe(`answer en ${QUESTION}`);
  });

  test('streams', async () => {
    const stream = await client.chat.completions.create({
      ...ask('caption es'),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
    expect(text).toBe(await model.caption(PICTURE, { language: 'es' }));
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { total_tokens: expect.any(Number) } });
    expect(chunks.length).toBeGreaterThan(5);
  });

  test('stops in the middle, and the next one is answered', async () => {
    const stream = await client.chat.completions.create({ ...ask('caption en'), stream: true });
    for await (const _ of stream) break;
    const { choices } = await client.chat.completions.create(ask('caption en'));
    expect(choices[0]?.message.content).toBe('an owl and a cat');
  });

  test('takes boxes in a schema of its own', async () => {
    const box = { type: 'number' } as const;
    const { choices } = await client.chat.completions.create({
      ...ask('detect owl ; cat'),
      response_format: {
        type: 'json_schema',
        json_schema: {
          name: 'found',
          strict: true,
          schema: {
            type: 'object',
            properties: {
              things: {
                type: 'array',
                items: {
                  type: 'object',
                  properties: {
                    label: { type: 'string' },
                    box: {
                      type: 'object',
                      properties: { xmin: box, ymin: box, xmax: box, ymax: box },
                      required: ['xmin', 'ymin', 'xmax', 'ymax'],
                      additionalProperties: false,
                    },
                  },
                  required: ['label', 'box'],
                  additionalProperties: false,
                },
              },
            },
            required: ['things'],
            additionalProperties: false,
          },
        },
      },
    });
    const own = await model.detect(PICTURE, ['owl', 'cat']);
    expect(JSON.parse(choices[0]?.message.content ?? '')).toEqual({
      things: own.map(({ label, box }) => ({ label, box })),
    });
  });

  test('responds', async () => {
    const content = [
      { type: 'input_text' as const, text: 'caption en' },
      { type: 'input_image' as const, image_url: picture, detail: 'auto' as const },
    ];
    const asked = { model: 'embedded', input: [{ role: 'user' as const, content }] };
    const whole = await client.responses.create(asked);
    expect(whole).toMatchObject({ status: 'completed', output_text: 'an owl and a cat' });
    const events = [];
    for await (const one of await client.responses.create({ ...asked, stream: true })) events.push(one);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_, i) => i));
    expect(events.flatMap((one) => (one.type === 'response.output_text.delta' ? [one.delta] : [])).join('')).toBe(
      'an owl and a cat',
    );
    expect(events.at(-1)).toMatchObject({ type: 'response.completed', response: { status: 'completed' } });
    const final = await client.responses.stream(asked).finalResponse();
    expect(final.output_text).toBe('an owl and a cat');
    const cut = await client.responses.create({ ...asked, max_output_tokens: 2 });
    expect(cut).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
  });

  test('meets errors of its own classes', async () => {
    const wrong = (body: object) => client.chat.completions.create({ ...ask('caption en'), ...body });
    await expect(wrong({ model: 'gpt-9' })).rejects.toMatchObject({
      status: 404,
      code: 'ERR_MODEL_NOT_FOUND',
      param: 'model',
    });
    await expect(wrong({ n: 2 })).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(wrong({ tools: [{ type: 'function', function: { name: 'f' } }] })).rejects.toMatchObject({
      param: 'tools',
    });
    await expect(
      wrong({ messages: [{ role: 'system', content: 'be brief' }, ...ask('caption en').messages] }),
    ).rejects.toThrow(/no system message/);
    const broken = [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] },
    ];
    await expect(wrong({ messages: broken })).rejects.toMatchObject({ status: 400, code: 'ERR_INVALID_IMAGE' });
    await expect(wrong({ stream: true, messages: broken })).rejects.toMatchObject({ status: 400 });
    const stranger = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'another', maxRetries: 0 });
    await expect(stranger.models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
  });
});

describe('the AI SDK', () => {
  let chosen: ReturnType<ReturnType<typeof createOpenAICompatible>>;
  beforeAll(() => {
    const provider = createOpenAICompatible({
      name: 'paligemma',
      baseURL: `${server.url}/v1`,
      apiKey: 'the-key',
      supportsStructuredOutputs: true,
    });
    chosen = provider('embedded');
  });
  const messages = (text: string) => [
    {
      role: 'user' as const,
      content: [
        { type: 'text' as const, text },
        { type: 'image' as const, image: bytes },
      ],
    },
  ];

  test('generates and streams text about a picture', async () => {
    const { text, finishReason, usage } = await generateText({ model: chosen, messages: messages('caption en') });
    expect({ text, finishReason }).toEqual({ text: 'an owl and a cat', finishReason: 'stop' });
    expect(usage.totalTokens).toBeGreaterThan(64);
    const { textStream } = streamText({ model: chosen, messages: messages('caption es') });
    let streamed = '';
    for await (const piece of textStream) streamed += piece;
    expect(streamed).toBe('un búho y un gato');
  });

  test('generates a choice', async () => {
    const schema = jsonSchema<{ animal: string }>({
      type: 'object',
      properties: { animal: { type: 'string', enum: ['owl', 'dog', 'fish'] } },
      required: ['animal'],
      additionalProperties: false,
    });
    const { object } = await generateObject({ model: chosen, schema, messages: messages('what animal is it?') });
    const own = await model.choose(
      PICTURE,
      { question: 'what animal is it?', choices: ['owl', 'dog', 'fish'] },
      { score: true },
    );
    expect(object).toEqual({ animal: own.text });
  });
});

test('LangChain answers, and streams with usage', async () => {
  const chat = new ChatOpenAI({
    model: 'embedded',
    apiKey: 'the-key',
    maxRetries: 0,
    configuration: { baseURL: `${server.url}/v1` },
  });
  const message = new HumanMessage({ content: about('caption en') });
  expect((await chat.invoke([message])).content).toBe('an owl and a cat');
  let text = '';
  let total = 0;
  for await (const chunk of await chat.stream([message])) {
    text += chunk.content;
    total += chunk.usage_metadata?.total_tokens ?? 0;
  }
  expect(text).toBe('an owl and a cat');
  expect(total).toBeGreaterThan(64);
});

describe('@huggingface/inference', () => {
  const client = (task: string) => new InferenceClient('the-key').endpoint(`${server.url}/hf/${task}`);
  const blob = new Blob([bytes], { type: 'image/png' });
  const whole = (box: object) => Object.fromEntries(Object.entries(box).map(([side, at]) => [side, Math.round(at)]));

  test('describes a picture', async () => {
    expect(await client('image-to-text').imageToText({ data: blob })).toEqual({ generated_text: 'an owl and a cat' });
  });
  test('answers a question', async () => {
    const inputs = { image: blob, question: QUESTION };
    const { answer, score } = await client('visual-question-answering').visualQuestionAnswering({ inputs });
    const own = await model.generate({ prompt: `answer en ${QUESTION}`, images: [PICTURE], logprobs: 0 });
    expect(answer).toBe(own.text);
    const sum = (own.logprobs ?? []).reduce((all, { logprob }) => all + logprob, 0);
    expect(score).toBeCloseTo(Math.exp(sum), 4);
  });
  test('detects', async () => {
    const own = (await model.detect(PICTURE, ['owl', 'cat'])).map(({ label, box }) => ({ label, box: whole(box) }));
    const found = await client('object-detection?labels=owl;cat').objectDetection({ data: blob });
    expect(found.map(({ label, box }) => ({ label, box }))).toEqual(own);
    // Of this task the client has a schema, and no method.
    const asked = { inputs: bytes.toString('base64'), parameters: { candidate_labels: ['owl', 'cat'] } };
    const { body } = await post(`${server.url}/hf/zero-shot-object-detection`, asked, {
      authorization: 'Bearer the-key',
    });
    expect(body).toEqual(found);
  });
  test('segments', async () => {
    const [own] = await model.segment(PICTURE, 'owl');
    const [found] = await client('image-segmentation?labels=owl').imageSegmentation({ inputs: blob });
    expect(found?.label).toBe('owl');
    const { data, info } = await sharp(Buffer.from(found?.mask as string, 'base64'))
      .toColourspace('b-w')
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([own?.mask?.width, own?.mask?.height]);
    expect(Buffer.compare(data, Buffer.from(own?.mask?.data ?? []))).toBe(0);
  });
});
