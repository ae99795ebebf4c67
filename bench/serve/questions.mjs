// One mix of questions, as the library is asked and as clients of the server ask.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { PICTURES } from '../pictures.mjs';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const TOKENS = 24;

const found = (objects, round) =>
  JSON.stringify(
    objects.map(({ label, box }) => [label, ...Object.values(box).map((side) => (round ? Math.round(side) : side))]),
  );

/** What the library is asked, and what of its answer counts. Scores do not: their last bits depend on what else is computed. */
const LIBRARY = {
  caption: (model, image) =>
    model.generate({ prompt: 'caption en', images: [image], maxTokens: TOKENS }).then(({ text }) => text),
  answer: (model, image) =>
    model.run('answer', image, { question: 'how many dogs are there?' }).then(({ text }) => text),
  read: (model, image) => model.run('read', image, {}).then(({ text }) => text),
  detect: (model, image) => model.run('detect', image, { labels: 'owl ; cat' }).then(({ result }) => found(result)),
  rounded: (model, image) =>
    model.run('detect', image, { labels: 'owl ; cat' }).then(({ result }) => found(result, true)),
};

/** [what it asks, path, whether its answer is streamed, body, what of the answer counts] */
const CLIENTS = [
  ['caption', '/v1/chat/completions', false, chat, (one) => one.choices[0].message.content],
  [
    'caption',
    '/v1/chat/completions',
    true,
    chat,
    (all) => all.map(({ choices }) => choices[0]?.delta.content ?? '').join(''),
  ],
  ['caption', '/v1/responses', false, responses, (one) => one.output[0].content[0].text],
  [
    'caption',
    '/v1/responses',
    true,
    responses,
    (all) => all.map(({ type, delta }) => (type === 'response.output_text.delta' ? delta : '')).join(''),
  ],
  [
    'caption',
    '/hf/image-to-text',
    false,
    (image) => ({ inputs: image, parameters: { max_new_tokens: TOKENS } }),
    (one) => one.generated_text,
  ],
  [
    'answer',
    '/v1/tasks/answer',
    false,
    (image) => ({ image: url(image), question: 'how many dogs are there?' }),
    (one) => one.text,
  ],
  [
    'answer',
    '/v1/tasks/answer',
    true,
    (image) => ({ image: url(image), question: 'how many dogs are there?', stream: true }),
    (all) => all.at(-1).text ?? all.at(-1).answer,
  ],
  [
    'answer',
    '/hf/visual-question-answering',
    false,
    (image) => ({ inputs: { image, question: 'how many dogs are there?' } }),
    ([one]) => one.answer,
  ],
  ['read', '/v1/tasks/read', false, (image) => ({ image: url(image) }), (one) => one.text],
  [
    'detect',
    '/v1/tasks/detect',
    false,
    (image) => ({ image: url(image), labels: 'owl ; cat' }),
    (one) => found(one.objects),
  ],
  [
    'rounded',
    '/hf/object-detection?labels=owl%20%3B%20cat',
    false,
    (image) => ({ inputs: image }),
    (all) => found(all, true),
  ],
];

const url = (image) => `data:image/png;base64,${image}`;
function chat(image, stream) {
  const content = [
    { type: 'text', text: 'caption en' },
    { type: 'image_url', image_url: { url: url(image) } },
  ];
  return { messages: [{ role: 'user', content }], max_tokens: TOKENS, stream };
}
function responses(image, stream) {
  const content = [
    { type: 'input_text', text: 'caption en' },
    { type: 'input_image', image_url: url(image) },
  ];
  return { input: [{ role: 'user', content }], max_output_tokens: TOKENS, stream };
}

export async function pictures(count) {
  const make = (i) => {
    const [width, height] = [64 + ((i * 197) % 700), 64 + ((i * 331) % 700)];
    const picture = sharp(path.join(ROOT, 'examples', 'images', PICTURES[i % PICTURES.length])).resize(width, height, {
      fit: 'fill',
    });
    return (i % 2 ? picture.png() : picture.jpeg()).toBuffer();
  };
  return Promise.all(Array.from({ length: count }, (_, i) => make(i)));
}

/** All questions about the pictures. */
export const questionsAbout = (images) =>
  images.flatMap((image, i) =>
    CLIENTS.map(([kind, route, stream, body, read]) => ({
      key: `${kind} ${i}`,
      route,
      stream,
      body: Buffer.from(JSON.stringify(body(image.toString('base64'), stream))),
      read,
      ask: (model) => LIBRARY[kind](model, image),
    })),
  );

/** The same numbers at each run. */
export function randomFrom(seed) {
  let state = seed || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
