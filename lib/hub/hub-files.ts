// Which of a repository's files a model needs. Pure: nothing is asked or read.
import { PaliGemmaError } from '../base/errors.js';
import type { HubFile, HubRepo } from './hub.js';

/** `checkpoint` and `npz` are weights to convert, `gguf` is ready to load, `adapter` changes another repository's weights. */
export type HubContent = 'checkpoint' | 'npz' | 'gguf' | 'adapter';

const CHECKPOINT_TEXTS = [
  'config.json',
  'preprocessor_config.json',
  'generation_config.json',
  'tokenizer.model',
  'tokenizer.json', // beside tokenizer.model too: it names added tokens
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
];
const INDEX = 'model.safetensors.index.json';
const SHARD = /^model-\d{5}-of-(\d{5})\.safetensors$/;
const NPZ = /^(.+\.npz)(?:-\d{5}-of-(\d{5}))?$/;
const MMPROJ = /mmproj/i;
const NEEDED =
  'a Hugging Face checkpoint (config.json and model.safetensors or its shards), an adapter (adapter_config.json and ' +
  'adapter_model.safetensors), a big_vision checkpoint (*.npz) or GGUF files (a text model and its mmproj)';

/**
 * The files of a repository that a model needs, of its root folder only.
 * @throws PaliGemmaError ERR_UNSUPPORTED_MODEL when there is nothing usable or more than one choice, ERR_INVALID_MODEL when
 *   shards or parts are missing or a file's path would leave the folder it is written to.
 */
export function neededFiles(repo: Pick<HubRepo, 'id' | 'files'>): { content: HubContent; files: HubFile[] } {
  for (const file of repo.files) checkFilePath(file.path);
  const files = repo.files.filter((file) => !file.path.includes('/'));
  const named = (...names: string[]) => names.flatMap((name) => files.filter((file) => file.path === name));

  const weights = checkpointWeights(repo.id, files);
  if (weights.length > 0 && named('config.json').length > 0)
    return { content: 'checkpoint', files: [...named(...CHECKPOINT_TEXTS), ...weights] };

  const adapter = named('adapter_config.json', 'adapter_model.safetensors');
  if (adapter.length === 2) return { content: 'adapter', files: adapter };

  if (!files.some((file) => file.path.endsWith('.safetensors'))) {
    const npz = bigVision(repo.id, files);
    if (npz.length > 0)
      return { content: 'npz', files: [...npz, ...files.filter((file) => file.path.endsWith('.model'))] };
    const gguf = ggufPair(repo.id, files);
    if (gguf.length > 0) return { content: 'gguf', files: gguf };
  }
  throw unsupported(`${repo.id} holds no model that can be used: it has ${list(files)}; what is needed is ${NEEDED}`);
}

/**
 * Checks that a path stays within the folder it is joined to, on every platform.
 * @throws PaliGemmaError ERR_INVALID_MODEL
 */
export function checkFilePath(path: string): void {
  const plain = (part: string) => part !== '' && part !== '.' && part !== '..';
  // A colon names a drive or a stream of a file on Windows.
  const foreign = [...path].some((letter) => letter < ' ' || letter === '\\' || letter === ':');
  if (foreign || !path.split('/').every(plain))
    throw invalid(`the repository has a file ${JSON.stringify(path)}, whose path would leave the model's folder`);
}

const invalid = (message: string) => new PaliGemmaError('ERR_INVALID_MODEL', message);
const unsupported = (message: string) => new PaliGemmaError('ERR_UNSUPPORTED_MODEL', message);

/** An index stands for its shards; a whole file beside it is the same weights again. */
function checkpointWeights(id: string, files: HubFile[]): HubFile[] {
  const index = files.find((file) => file.path === INDEX);
  if (!index) return files.filter((file) => file.path === 'model.safetensors');
  const shards = files.filter((file) => SHARD.test(file.path));
  if (shards.length === 0) throw invalid(`${id} has ${INDEX} but no shards (model-00001-of-...safetensors)`);
  checkCount(id, 'shards', shards, SHARD.exec(shards[0]?.path ?? '')?.[1]);
  return [index, ...shards];
}

function bigVision(id: string, files: HubFile[]): HubFile[] {
  const checkpoints = new Map<string, HubFile[]>();
  for (const file of files) {
    const name = NPZ.exec(file.path)?.[1];
    if (name) checkpoints.set(name, [...(checkpoints.get(name) ?? []), file]);
  }
  if (checkpoints.size > 1) throw ambiguous(id, 'big_vision checkpoints', [...checkpoints.keys()]);
  for (const [name, found] of checkpoints) {
    const whole = found.find((file) => file.path === name);
    if (whole) return [whole];
    checkCount(id, `parts of ${name}`, found, NPZ.exec(found[0]?.path ?? '')?.[2]);
    return found;
  }
  return [];
}

function ggufPair(id: string, files: HubFile[]): HubFile[] {
  const all = files.filter((file) => file.path.endsWith('.gguf'));
  const pair = [false, true].map((vision) => all.filter((file) => MMPROJ.test(file.path) === vision));
  const names = ['GGUF text models', 'mmproj files'];
  pair.forEach((found, i) => {
    if (found.length > 1) throw ambiguous(id, names[i] as string, paths(found));
  });
  return pair.every((found) => found.length === 1) ? pair.flat() : [];
}

function checkCount(id: string, what: string, found: HubFile[], announced: string | undefined): void {
  if (found.length < Number(announced))
    throw invalid(`${id} has ${found.length} of ${Number(announced)} ${what}: ${list(found)}`);
}

const paths = (files: HubFile[]): string[] => files.map((file) => file.path);

const ambiguous = (id: string, what: string, found: string[]) =>
  unsupported(
    `${id} has several ${what}, and which one is meant cannot be told: ${found.join(', ')}. ` +
      'Download the one you want and pass its folder',
  );

function list(files: HubFile[]): string {
  if (files.length === 0) return 'no files';
  const shown = paths(files.slice(0, 12)).join(', ');
  return files.length > 12 ? `${shown} and ${files.length - 12} more` : shown;
}
