// Asks a model several things at once, as an app would, and does not let it answer out of numbers that are none.
import { PaliGemma } from '../../dist/index.js';
import { allow, Failure, judged } from './outcome.mjs';
import { PICTURE, SECOND_PICTURE } from './places.mjs';

/** @param seed what is asked, and how, besides a caption */
export async function loadAndAsk(folder, seed) {
  const model = await allow(['ERR_INVALID_MODEL', 'ERR_UNSUPPORTED_MODEL', 'ERR_OUT_OF_MEMORY'], () =>
    PaliGemma.load(folder, { device: 'cpu', threads: 1, maxSequences: 3 }),
  );
  try {
    await ask(model, seed);
  } finally {
    await model.dispose();
  }
}

async function ask(model, seed) {
  const asked = [
    { prompt: 'caption en', images: [PICTURE], maxTokens: 12, logprobs: 2 },
    { prompt: 'ocr', images: [SECOND_PICTURE], maxTokens: 6, logprobs: 0, temperature: 0.9, topP: 0.9, topK: 40, seed },
    { prompt: 'answer en how many?', maxTokens: 3, logprobs: 0 },
    ...(seed % 3 ? [] : [{ prompt: 'caption en', images: [PICTURE], maxTokens: 4, numBeams: 2 }]),
  ];
  const objects = seed % 2 ? 'segment' : 'detect';
  const answers = await Promise.allSettled([
    model.encode(PICTURE),
    model.trace({ prompt: 'caption en', images: [PICTURE] }),
    ...asked.map((request) => model.generate(request)),
    model[objects](PICTURE, 'owl ; cat', { maxTokens: 24, constrained: seed % 4 === 0 }),
  ]);
  const refusals = answers
    .filter(({ status }) => status === 'rejected')
    .map(({ reason }) => judged(['ERR_INVALID_MODEL', 'ERR_INFERENCE_FAILED', 'ERR_PROMPT_TOO_LONG'], reason));
  const failure = refusals.find((refusal) => refusal instanceof Failure);
  if (failure) throw failure;
  const [features, trace, ...texts] = answers.map(({ value }) => value);
  if (features) finite('features', features);
  if (trace) finite('logits', trace.logits);
  for (const text of texts) finite('logprobs', text?.logprobs?.map(({ logprob }) => logprob) ?? []);
  if (refusals.length > 0) throw refusals[0];
}

function finite(what, values) {
  if (!values.every(Number.isFinite)) throw new Failure(`${what} that are no numbers pass for an answer`);
}
