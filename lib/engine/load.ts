// From an opened model and the caller's options to running engines.

import { type NativeDevice, type NativeModelOptions, native } from '../addon/native.js';
import { type ErrorCode, PaliGemmaError, reasonOf } from '../base/errors.js';
import { notice } from '../base/notice.js';
import type { LoadedModelInfo, LoadOptions } from '../types.js';
import type { OpenedModel } from '../weights/model-folder.js';
import { describeModel } from './describe.js';
import { isCpu, nameOf, wantedDevices } from './devices.js';
import { Engine, type OpenModel } from './engine.js';
import { Engines } from './engines.js';
import { EngineProcess } from './isolated/engine-process.js';
import { IsolatedEngine } from './isolated/isolated-engine.js';
import { engineOptions } from './options.js';
import { planDevice } from './plan.js';

/**
 * Loads a model onto its devices, one after another; with `auto` onto the first one that takes it.
 * @throws PaliGemmaError ERR_DEVICE_UNAVAILABLE, ERR_OUT_OF_MEMORY, ERR_INVALID_MODEL, ERR_INVALID_ARGUMENT,
 *   ERR_ENGINE_DIED; the signal's reason
 */
export async function loadEngines(model: OpenedModel, options: LoadOptions) {
  const settings = engineOptions(model, options);
  const process = options.isolated ? await EngineProcess.start(options.signal) : undefined;
  const loading: Loading = { model, options, settings, process };
  try {
    const wanted = wantedDevices(process?.devices ?? native().devices(), options);
    if (options.devices || (options.device ?? 'auto') !== 'auto') return await loadOnto(wanted, loading);
    return await loadOntoFirst(wanted, loading);
  } finally {
    loading.process?.kill(); // which no engine has taken over
  }
}

interface Loading {
  model: OpenedModel;
  options: LoadOptions;
  settings: ReturnType<typeof engineOptions>;
  /** A process that is there already, for the first engine. */
  process: EngineProcess | undefined;
}

/** What a device may fail with where another one may not. */
const OF_A_DEVICE: ErrorCode[] = [
  'ERR_OUT_OF_MEMORY',
  'ERR_INVALID_MODEL', // the backend's own words are no more than "failed to load"
  'ERR_INFERENCE_FAILED',
  'ERR_ENGINE_DIED',
  'ERR_DEVICE_UNAVAILABLE',
];

async function loadOntoFirst(wanted: NativeDevice[], loading: Loading): Promise<Loaded> {
  const skipped: LoadedModelInfo['skippedDevices'] = [];
  for (const [i, device] of wanted.entries()) {
    try {
      const { engines, info } = await loadOnto([device], loading);
      return { engines, info: { ...info, skippedDevices: skipped } };
    } catch (error) {
      const next = wanted[i + 1];
      const other = error instanceof PaliGemmaError && OF_A_DEVICE.includes(error.code);
      if (!next || !other || loading.options.signal?.aborted) throw error;
      skipped.push({ device: nameOf(device), reason: error.message });
      notice(
        `${loading.model.name} does not load onto ${nameOf(device)}, trying ${nameOf(next)}: ${error.message}`,
        'PALIGEMMA_DEVICE_SKIPPED',
        loading.options.onNotice,
      );
    }
  }
  throw new PaliGemmaError('ERR_DEVICE_UNAVAILABLE', 'there is no device to compute on');
}

/** On Arm ggml's own products are the better ones for four-bit weights, which it reads rearranged into memory. */
const rearranged = (device: NativeDevice, model: OpenedModel) =>
  process.arch === 'arm64' && isCpu(device) && model.textType.startsWith('q4');

interface Loaded {
  engines: Engines;
  info: LoadedModelInfo;
}

async function loadOnto(devices: NativeDevice[], loading: Loading): Promise<Loaded> {
  const { model, options, settings } = loading;
  const places = devices.map((device) => ({ device, plan: planDevice(model, device, settings) }));
  const engines = new Engines();
  const memory = { weights: 0, cache: 0, compute: 0 };
  try {
    for (const [i, { device, plan }] of places.entries()) {
      const how: NativeModelOptions = {
        textPath: model.textPath,
        visionPath: model.visionPath,
        imageToken: model.imageToken,
        ...settings,
        ...plan,
        device: isCpu(device) ? '' : device.name,
        mapWeights: !rearranged(device, model),
      };
      const onProgress = (done: number) =>
        options.onProgress?.({ stage: 'load', done: (i + done) / places.length, total: 1 });
      const first = loading.process;
      loading.process = undefined;
      const { engine, loaded } = options.isolated
        ? await IsolatedEngine.start(how, onProgress, options.signal, first)
        : await Engine.start(inThisProcess, how, onProgress, options.signal);
      engines.add(engine);
      memory.weights += model.weightBytes;
      memory.cache += loaded.cacheBytes;
      memory.compute += loaded.computeBytes;
    }
  } catch (error) {
    await engines.dispose();
    throw error;
  }
  const names = places.map(({ device }) => nameOf(device));
  const info: LoadedModelInfo = {
    ...describeModel(model),
    contextTokens: settings.contextTokens,
    memory,
    device: names[0] as LoadedModelInfo['device'],
    devices: names,
    skippedDevices: [],
    threads: settings.threads,
    maxSequences: places.reduce((sum, { plan }) => sum + plan.maxSequences, 0),
    cacheType: settings.cacheType,
    isolated: options.isolated === true,
  };
  return { engines, info };
}

const inThisProcess: OpenModel = (options, onEvent) => {
  try {
    return new (native().Model)(options, onEvent);
  } catch (error) {
    throw new PaliGemmaError('ERR_INFERENCE_FAILED', `the engine does not start: ${reasonOf(error)}`, { cause: error });
  }
};
