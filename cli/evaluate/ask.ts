// A model of this process that answers questions of benchmarks.
import type { BatchRequest, PaliGemma } from 'node-paligemma';
import { type Measure, mean, type Tools } from './measures/measure.js';
import type { Run } from './run.js';

/** @param request the benchmark's */
export const answering = (
  model: PaliGemma,
  request: BatchRequest,
  measure: Measure,
): Pick<Run, 'answer' | 'tools'> => ({
  answer: (item, _, signal) =>
    measure.byConfidence ? withConfidence(model, { ...request, ...item, signal }) : model.ask(item, request, signal),
  tools: { decodeMasks: (codes) => model.decodeMasks(codes) } satisfies Tools,
});

type Asked = Parameters<Run['answer']>[0] & { signal: AbortSignal };

/** As boxes have it: the tokens' mean probability, geometrically. */
async function withConfidence(model: PaliGemma, { prompt = '', image, maxTokens, locations, signal }: Asked) {
  const settings = { maxTokens, locations } as Pick<BatchRequest, 'maxTokens' | 'locations'>;
  const {
    text,
    finishReason,
    timings,
    logprobs = [],
  } = await model.generate({
    ...{ ...settings, prompt, images: [image], logprobs: 0, signal },
  });
  return { text, finishReason, timings, confidence: Math.exp(mean(logprobs.map(({ logprob }) => logprob))) };
}
