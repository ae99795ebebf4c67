// Which type of a checkpoint fits the memory there is (`quantization: 'auto'`).
import { type NativeDevice, native } from '../addon/native.js';
import { PaliGemmaError } from '../base/errors.js';
import { notice } from '../base/notice.js';
import { openCheckpoint } from '../checkpoint/open.js';
import { isCpu, nameOf, wantedDevices } from '../engine/devices.js';
import { EngineProcess } from '../engine/isolated/engine-process.js';
import { engineOptions } from '../engine/options.js';
import { cpuBytes, planDevice } from '../engine/plan.js';
import type { LoadOptions } from '../types.js';
import { estimate } from '../weights/estimate.js';
import type { Planned } from '../weights/model-folder.js';
import { defaultVision, type Quantization } from '../weights/quantization.js';

/** Of what is there already, best first: more than f16 takes more memory and gives no other answers. */
export const FOUND_TYPES: Quantization[] = ['f16', 'bf16', 'f32', 'q8_0', 'q6_k', 'q5_k_m', 'q4_k_m', 'q4_0'];
/** What is made, best first. The last one is made also where it does not fit. */
const MADE_TYPES: Quantization[] = ['f16', 'q8_0', 'q6_k', 'q5_k_m', 'q4_k_m'];
/** Where these do not fit, nothing smaller would be made. */
const SMALLEST: string[] = ['q4_k_m', 'q4_0'];

/** The first of `models` that fits the device it would be loaded onto; a card counts before the processor. */
export async function fitting<M extends Planned>(
  models: M[],
  options: LoadOptions,
): Promise<{ model: M; device: string } | undefined> {
  const { device = 'auto', devices } = options;
  const wanted = device === 'cpu' ? [CPU] : wantedDevices(await presentDevices(options), options);
  const groups = devices || device !== 'auto' ? [wanted] : wanted.map((one) => [one]);
  for (const group of groups)
    for (const model of models)
      if (group.every((one) => fits(model, one, options)))
        return { model, device: group.map((one) => nameOf(one)).join(', ') };
  return undefined;
}

/** To ask is to open the cards, which takes memory of each: what is isolated has another process do it. */
async function presentDevices({ isolated, signal }: LoadOptions): Promise<NativeDevice[]> {
  if (!isolated) return native().devices();
  const asked = await EngineProcess.start(signal);
  asked.kill();
  return asked.devices;
}

/** The best of those that are in the cache, the smallest of them also where it does not fit. */
export async function bestFound<M extends Planned>(models: M[], options: LoadOptions): Promise<M | undefined> {
  const found = await fitting(models, options);
  if (found) say(found.model.textType, `of what is in the cache the best that fits ${found.device}`, options);
  return found?.model ?? models.find(({ textType }) => SMALLEST.includes(textType));
}

/** The type to convert a checkpoint to. */
export async function bestToMake(source: string, options: LoadOptions): Promise<Quantization> {
  const { hyperparameters, text } = await openCheckpoint(
    source,
    options.tokenizer ? { tokenizer: options.tokenizer } : {},
  );
  const rows = text.find(({ gguf }) => gguf === 'token_embd.weight')?.shape[0] ?? 0;
  const models = MADE_TYPES.map((type) => ({
    ...estimate(hyperparameters, rows, type, options.visionQuantization ?? defaultVision(type), !!options.maskDecoder),
    type,
  }));
  const found = await fitting(models, options);
  const type = found?.model.type ?? (MADE_TYPES.at(-1) as Quantization);
  say(
    type,
    found ? `the best that fits ${found.device}` : 'the smallest, though no type fits the memory there is',
    options,
  );
  return type;
}

const CPU = { backend: 'cpu', index: 0 } as NativeDevice;

function fits(model: Planned, device: NativeDevice, options: LoadOptions): boolean {
  const settings = engineOptions(model, options);
  if (isCpu(device)) return cpuBytes(model, settings) <= availableBytes();
  try {
    planDevice(model, device, settings);
    return true;
  } catch (error) {
    if (error instanceof PaliGemmaError && error.code === 'ERR_OUT_OF_MEMORY') return false;
    throw error;
  }
}

/** What this process may still take, within its container. */
const availableBytes = (): number => process.availableMemory();

const said = new Set<string>();

/** Once for a process. */
function say(type: string, why: string, options: LoadOptions): void {
  const text = `quantization: 'auto' is ${type}, ${why}`;
  if (!said.has(text)) notice(text, 'PALIGEMMA_QUANTIZATION', options.onNotice);
  said.add(text);
}
