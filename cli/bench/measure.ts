// What a model takes on this machine: one request at a time, and many at once.
import { type Generation, type LoadedModelInfo, type LoadOptions, PaliGemma, type RawImage } from 'node-paligemma';
import { measurePeaks, type ProcessorPeaks } from 'node-paligemma/support';
import { residentBytes } from './resident.js';
import { type Shares, sharesOf } from './shares.js';

export interface BenchOptions extends LoadOptions {
  prompt: string;
  /** New tokens of an answer. */
  maxTokens: number;
  /** Requests in flight, one measurement each. */
  concurrency: number[];
  /** Requests a measurement; fewer than in flight become as many. */
  requests: number;
}

/** Times in milliseconds, memory in bytes. */
export interface BenchReport {
  model: string;
  quantization: string;
  visionQuantization: string;
  imageSize: number;
  device: string;
  threads: number;
  /** Until the model can be asked. */
  load: number;
  /** Medians of requests alone. `token`: between two tokens. `firstToken`: from the picture to the first token. */
  single: {
    image: number;
    vision: number;
    prefill: number;
    token: number;
    firstToken: number;
    total: number;
    tokens: number;
  };
  throughput: { concurrency: number; imagesPerSecond: number; tokensPerSecond: number }[];
  /** Of the processor with so many threads, and the share of it that was reached; on the processor only. */
  peaks?: ProcessorPeaks;
  shares?: Shares;
  /** The largest resident set of this process and the engine's together; on Linux only. */
  resident?: number;
}

/** Measures a model; pictures are noise, each a new one, so that none is remembered. */
export async function measure(
  model: string,
  options: BenchOptions,
  onStep: (step: string) => void = () => {},
): Promise<BenchReport> {
  const { prompt, maxTokens, concurrency, requests, ...loadOptions } = options;
  const started = performance.now();
  const loaded = await PaliGemma.load(model, {
    ...loadOptions,
    isolated: true,
    maxSequences: loadOptions.maxSequences ?? Math.max(...concurrency),
  });
  const load = performance.now() - started;
  try {
    const ask = (i: number) => loaded.generate({ prompt, images: [noise(i)], maxTokens });
    await ask(0);
    onStep('one at a time');
    const alone: Generation[] = [];
    for (let i = 0; i < Math.max(3, Math.min(requests, 9)); i++) alone.push(await ask(1000 + i));
    const throughput: BenchReport['throughput'] = [];
    for (const [round, inFlight] of concurrency.entries()) {
      onStep(`${inFlight} in flight`);
      throughput.push(await together(inFlight, Math.max(requests, inFlight), (i) => ask(10_000 * (round + 1) + i)));
    }
    const { info } = loaded;
    const resident = residentBytes();
    const single = medians(alone);
    return {
      model: info.name,
      quantization: info.quantization,
      visionQuantization: info.visionQuantization,
      imageSize: info.imageSize,
      device: info.device,
      threads: info.threads,
      load,
      single,
      throughput,
      ...(await againstPeaks(info, single, alone[0] as Generation, onStep)),
      ...(resident === undefined ? {} : { resident }),
    };
  } finally {
    await loaded.dispose();
  }
}

async function againstPeaks(
  info: LoadedModelInfo,
  single: BenchReport['single'],
  { usage }: Generation,
  onStep: (step: string) => void,
): Promise<Pick<BenchReport, 'peaks' | 'shares'>> {
  if (info.device !== 'cpu') return {};
  onStep('what the processor can do');
  const peaks = await measurePeaks(info.threads);
  return { peaks, shares: sharesOf(info, peaks, single, usage.imageTokens + usage.promptTokens) };
}

async function together(inFlight: number, requests: number, ask: (i: number) => Promise<Generation>) {
  const started = performance.now();
  let next = 0;
  let tokens = 0;
  const worker = async () => {
    while (next < requests) {
      const { usage } = await ask(next++);
      tokens += usage.newTokens;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = (performance.now() - started) / 1000;
  return { concurrency: inFlight, imagesPerSecond: requests / seconds, tokensPerSecond: tokens / seconds };
}

function medians(runs: Generation[]): BenchReport['single'] {
  const median = (value: (run: Generation) => number) =>
    runs.map(value).sort((a, b) => a - b)[Math.floor(runs.length / 2)] as number;
  return {
    image: median(({ timings }) => timings.image),
    vision: median(({ timings }) => timings.vision),
    prefill: median(({ timings }) => timings.prefill),
    token: median(({ timings, usage }) => timings.decode / Math.max(usage.newTokens - 1, 1)),
    firstToken: median(({ timings }) => timings.image + timings.queue + timings.vision + timings.prefill),
    total: median(({ timings }) => timings.total),
    tokens: median(({ usage }) => usage.newTokens),
  };
}

const [WIDTH, HEIGHT] = [640, 480];

/** A picture like no other. */
function noise(seed: number): RawImage {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  const words = new Uint32Array(data.buffer);
  let state = seed * 2654435761 + 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return { data, width: WIDTH, height: HEIGHT, channels: 3 };
}
