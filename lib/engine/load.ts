// From an opened model and the caller's options to running engines.

import { PaliGemmaError, reasonOf } from '../errors.js';
import { describeModel } from '../info.js';
import type { OpenedModel } from '../model-source.js';
import { type NativeDevice, type NativeModelOptions, native } from '../native.js';
import { engineOptions } from '../options.js';
import type { LoadedModelInfo, LoadOptions } from '../types.js';
import { isCpu, nameOf, wantedDevices } from './devices.js';
import { Engine, type OpenModel } from './engine.js';
import { Engines } from './engines.js';
import { EngineProcess } from './isolated/engine-process.js';
import { IsolatedEngine } from './isolated/isolated-engine.js';
import { type Plan, planDevice } from './plan.js';

/**
 * Loads a model onto its devices, one after another.
 * @throws PaliGemmaError ERR_DEVICE_UNAVAILABLE, ERR_OUT_OF_MEMORY, ERR_INVALID_MODEL, ERR_INVALID_ARGUMENT,
 *   ERR_ENGINE_DIED; the signal's reason
 */
export async function loadEngines(model: OpenedModel, options: LoadOptions) {
  const settings = engineOptions(model, options);
  const process = options.isolated ? await EngineProcess.start(options.signal) : undefined;
  let places: Place[];
  try {
    places = placesFor(process?.devices ?? native().devices(), model, options, settings);
  } catch (error) {
    process?.kill();
    throw error;
  }
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
        // ggml keeps four-bit weights rearranged for the processor: mapped, they would be in memory twice.
        mapWeights: !(isCpu(device) && model.textType.startsWith('q4')),
      };
      const onProgress = (done: number) =>
        options.onProgress?.({ stage: 'load', done: (i + done) / places.length, total: 1 });
      const { engine, loaded } = process
        ? await IsolatedEngine.start(how, onProgress, options.signal, i === 0 ? process : undefined)
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
    threads: settings.threads,
    maxSequences: places.reduce((sum, { plan }) => sum + plan.maxSequences, 0),
    cacheType: settings.cacheType,
    isolated: process !== undefined,
  };
  return { engines, info };
}

interface Place {
  device: NativeDevice;
  plan: Plan;
}

const inThisProcess: OpenModel = (options, onEvent) => {
  try {
    return new (native().Model)(options, onEvent);
  } catch (error) {
    throw new PaliGemmaError('ERR_INFERENCE_FAILED', `the engine does not start: ${reasonOf(error)}`, { cause: error });
  }
};

/** Where the model goes, and how. `auto` takes the first device that it fits into; the processor is the last and always does. */
function placesFor(
  present: NativeDevice[],
  model: OpenedModel,
  options: LoadOptions,
  settings: ReturnType<typeof engineOptions>,
): Place[] {
  const wanted = wantedDevices(present, options);
  const place = (device: NativeDevice): Place => ({
    device,
    plan: planDevice(model, device, settings),
  });
  if (options.devices || (options.device ?? 'auto') !== 'auto') return wanted.map(place);
  for (const device of wanted) {
    try {
      return [place(device)];
    } catch (error) {
      if (!(error instanceof PaliGemmaError && error.code === 'ERR_OUT_OF_MEMORY')) throw error;
    }
  }
  throw new PaliGemmaError('ERR_DEVICE_UNAVAILABLE', 'there is no device to compute on');
}
