// `quantization: 'auto'`: the type that fits the memory there is.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type NativeDevice, native } from '../lib/addon/native.js';
import { PUBLISHED_VOCABULARY, publishedShape } from '../lib/checkpoint/published.js';
import { fitting } from '../lib/hub/fitting.js';
import { convert, download, modelInfo, PaliGemma } from '../lib/index.js';
import { estimate } from '../lib/weights/estimate.js';
import { defaultVision, type Quantization } from '../lib/weights/quantization.js';
import { paligemma } from './helpers/command.js';
import { FakeHub } from './helpers/fake-hub.js';
import { EMBEDDED, emoji, scratch } from './helpers/fixtures.js';

const ID = 'emoji/paligemma-emoji-112';
const saved = { ...process.env };
let hub: FakeHub;
let cacheDir: string;
beforeAll(async () => {
  hub = await FakeHub.start();
});
beforeEach(() => {
  cacheDir = scratch('cache');
  process.env.HF_ENDPOINT = hub.url;
  process.env.HF_HOME = scratch('hf');
  hub.addRepo(ID, emoji('checkpoint'), { licence: 'cc-by-4.0' });
});
afterEach(() => {
  hub.reset();
  process.env = { ...saved };
  jest.restoreAllMocks();
});
afterAll(() => hub.close());

const memory = (bytes: number) => jest.spyOn(process, 'availableMemory').mockReturnValue(bytes);
const auto = () => ({ quantization: 'auto' as const, device: 'cpu' as const, cacheDir });

describe("quantization: 'auto'", () => {
  test('makes the best type that fits, and says so once', async () => {
    memory(1e12);
    const emit = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    for (let i = 0; i < 2; i++) {
      await using model = await PaliGemma.load(emoji('checkpoint'), auto());
      expect(model.info.quantization).toBe('f16');
    }
    const said = emit.mock.calls.filter(([, about]) => (about as { code: string }).code === 'PALIGEMMA_QUANTIZATION');
    expect(said.map(([text]) => text)).toEqual([
      "quantization: 'auto' is f16, the best that fits cpu",
      "quantization: 'auto' is f16, of what is in the cache the best that fits cpu",
    ]);
  });

  test('says it to who wants to hear it instead of as a warning, on the command line in flags', async () => {
    memory(1);
    const emit = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const said: string[] = [];
    const onNotice = (text: string) => void said.push(text);
    await download(emoji('checkpoint'), { ...auto(), onNotice });
    expect(said).toEqual(["quantization: 'auto' is q4_k_m, the smallest, though no type fits the memory there is"]);
    expect(emit.mock.calls).toEqual([]);
    const { err } = await paligemma('info', emoji('checkpoint'), '--quantization', 'auto', '--cache-dir', cacheDir);
    expect(err).toMatch(/^--quantization auto is q4_k_m, of what is in the cache the best that fits /m);
    expect(err).not.toMatch(/warning/i);
  });

  test('makes the smallest where none fits, and only once', async () => {
    memory(1);
    const folder = await download(ID, auto());
    expect((await modelInfo(folder)).quantization).toBe('q4_k_m');
    hub.requests.length = 0;
    expect((await modelInfo(ID, auto())).path).toBe(folder);
    await PaliGemma.load(ID, auto()).then((model) => model.dispose());
    expect(hub.requests).toEqual([]);
  });

  test('prefers what is in the cache to a better type that would be fetched', async () => {
    for (const quantization of ['q8_0', 'q4_0'] as const) await download(ID, { cacheDir, quantization });
    memory(1e12);
    hub.requests.length = 0;
    await using model = await PaliGemma.load(ID, auto());
    expect(model.info.quantization).toBe('q8_0');
    expect(hub.requests).toEqual([]);
  });

  test('has another process ask for the cards where the engine is isolated', async () => {
    const devices = jest.spyOn(native(), 'devices');
    for (let i = 0; i < 2; i++) {
      await using model = await PaliGemma.load(emoji('checkpoint'), { quantization: 'auto', cacheDir, isolated: true });
      expect(model.info.quantization).toBe('f16');
    }
    expect(devices).not.toHaveBeenCalled();
  });

  test('takes a converted model as it is, and is none for convert', async () => {
    await using model = await PaliGemma.load(EMBEDDED, auto());
    expect(model.info.embedded).toBe(true);
    await expect(convert(emoji('checkpoint'), scratch('no'), { quantization: 'auto' as never })).rejects.toMatchObject({
      code: 'ERR_INVALID_ARGUMENT',
    });
  });
});

describe('what fits', () => {
  const models = (['f16', 'q8_0', 'q4_k_m'] as Quantization[]).map((type) =>
    estimate(publishedShape('3b', 224), PUBLISHED_VOCABULARY, type, defaultVision(type)),
  );
  const card = (gigabytes: number): NativeDevice => ({
    ...{ backend: 'cuda', index: 0, name: 'CUDA0', description: 'a card' },
    ...{ freeBytes: gigabytes * 1e9, totalBytes: gigabytes * 1e9 },
  });
  const cpu: NativeDevice = { ...card(0), backend: 'cpu', name: 'CPU' };
  test.each([
    [24, 64, {}, 'f16', 'cuda:0'],
    [5.5, 64, {}, 'q8_0', 'cuda:0'],
    [1, 64, {}, 'f16', 'cpu'],
    [1, 5, {}, 'q8_0', 'cpu'],
    [24, 5, { device: 'cpu' }, 'q8_0', 'cpu'],
    [24, 5, { devices: ['cuda', 'cpu'] }, 'q8_0', 'cuda:0, cpu'],
    [1, 64, { device: 'cuda' }, undefined, undefined],
    [1, 1, {}, undefined, undefined],
  ] as const)('a card of %d GB and %d GB of memory, %j: %s on %s', async (gigabytes, free, options, type, device) => {
    jest.spyOn(native(), 'devices').mockReturnValue([card(gigabytes), cpu]);
    memory(free * 1e9);
    const found = await fitting(models, options as object);
    expect([found?.model.textType, found?.device]).toEqual([type, device]);
  });
});
