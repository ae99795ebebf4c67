// The page and its server: whether it is there, whether it wants a key, and which models it has.
import { getConfig, getDownloads, getModels } from '../server/api';
import { RequestError } from '../server/failure';
import { savedKey, saveKey } from '../server/key';
import type { Config, Download, Model } from '../server/types';
import { Store } from './store';
import { wait } from './wait';

export const config = new Store<Config | null>(null);
export const models = new Store<Model[]>([]);
export const downloads = new Store<Download[]>([]);
/** `back`: it was lost and is there again. */
export const connection = new Store<'there' | 'lost' | 'back'>('there');
/** Whether the user is asked for a key, and whether the last one was wrong. */
export const keyAsked = new Store<'no' | 'first' | 'wrong'>('no');

export const modelOf = (id: string): Model | undefined =>
  models.value.find((model) => model.id === id) ?? models.value[0];

const SOON = 1000;
const LATER = 2000;

/** Resolves once there is a key. All who wait for it share one dialog. */
export function askForKey(signal?: AbortSignal): Promise<void> {
  const last = savedKey();
  if (keyAsked.value === 'no') keyAsked.value = last === '' ? 'first' : 'wrong';
  return new Promise((resolve, reject) => {
    const end = keyAsked.watch(() => {
      if (keyAsked.value !== 'no') return;
      end();
      resolve();
    });
    signal?.addEventListener('abort', () => {
      end();
      reject(signal.reason);
    });
  });
}

export function giveKey(key: string): void {
  saveKey(key);
  keyAsked.value = 'no';
}

/** Notes that the server is lost, and looks for it until it is back. */
export async function connectionLost(): Promise<void> {
  if (connection.value === 'lost') return;
  connection.value = 'lost';
  while (connection.value === 'lost') {
    await wait(LATER);
    await lookForServer();
  }
}

export async function lookForServer(): Promise<void> {
  const found = await getConfig().catch(() => null);
  if (!found) return;
  config.value = found;
  connection.value = connection.value === 'lost' ? 'back' : connection.value;
  await refreshModels();
}

/** Whether the list is being looked after, and whether it is to be read once more. */
let watching = false;
let onceMore = false;

/** How many questions wait for a model that is not loaded. */
let waiting = 0;

/** Keeps the list of models fresh while a question waits for a model that may be loading. */
export async function whileLoading<T>(model: string, work: Promise<T>): Promise<T> {
  if (modelOf(model)?.paligemma.state === 'loaded') return work;
  waiting++;
  refreshModels();
  try {
    return await work;
  } finally {
    waiting--;
  }
}

/** Reads the list of models, and reads it again while something loads. */
export async function refreshModels(): Promise<void> {
  onceMore = true;
  if (watching) return;
  watching = true;
  try {
    for (;;) {
      onceMore = false;
      models.value = await getModels();
      if (config.value?.downloads) downloads.value = await getDownloads();
      const busy =
        onceMore ||
        waiting > 0 ||
        models.value.some(({ paligemma }) => paligemma.state === 'loading') ||
        downloads.value.some(({ state }) => state === 'running');
      if (!busy) return;
      await wait(onceMore ? SOON / 4 : SOON);
    }
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    if (error.kind === 'connection') connectionLost();
    if (error.kind === 'key') askForKey().then(refreshModels);
  } finally {
    watching = false;
  }
}

export async function startSession(): Promise<void> {
  const found = await getConfig().catch(() => null);
  if (!found) return connectionLost();
  config.value = found;
  if (found.keyNeeded && savedKey() === '') await askForKey();
  await refreshModels();
  // Models are unloaded when nobody asks for a while.
  window.addEventListener('focus', () => {
    if (connection.value !== 'lost') refreshModels();
  });
}
