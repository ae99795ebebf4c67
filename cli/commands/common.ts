import os from 'node:os';
import { buffer } from 'node:stream/consumers';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type LoadOptions, listDevices, PaliGemma, PaliGemmaError } from 'node-paligemma';
import { reasonOf } from 'node-paligemma/support';
import { inFlags } from './flag-names.js';
import { INTERRUPTED } from './interrupt.js';
import { ProgressBar } from './progress-bar.js';
import { fetchingOptions } from './source-options.js';

/** What `load` is given of the command line. */
const LOADED_WITH = [
  ...(['device', 'devices', 'threads', 'contextTokens', 'maxSequences', 'quantization', 'visionQuantization'] as const),
  ...(['adapter', 'maskDecoder', 'tokenizer', 'revision', 'cacheDir', 'localFilesOnly', 'featureCache'] as const),
];

export interface CommonOptions extends Pick<LoadOptions, (typeof LOADED_WITH)[number]> {
  model?: string;
  json?: boolean;
  /** Use all cards of the best kind where the user names none. */
  everyDevice?: boolean;
}

/** A number on the command line. Its range is checked where the library checks it. */
export function numeric(text: string): number {
  if (text.trim() === '' || Number.isNaN(Number(text))) throw new InvalidArgumentError('It must be a number.');
  return Number(text);
}

/** For options that may be given several times. */
export const collect = (text: string, all: string[] = []): string[] => [...all, text];

/** Standard input, as the name of a picture. */
const STDIN = '-';

/** What the names of pictures stand for: paths and URLs as they are, the bytes of standard input. */
export const picturesOf = (names: string[]): Promise<(string | Buffer)[]> =>
  Promise.all(names.map((name) => (name === STDIN ? buffer(process.stdin) : name)));

/** For options that are several names with commas between them. */
export const commaList = (text: string): string[] => text.split(',').map((name) => name.trim());

/**
 * A command with the options that all commands around a model share.
 * @param without what it means to name no model
 */
export const modelCommand = (name: string, without = WITHOUT_MODEL): Command =>
  loadingOptions(new Command(name).option('--model <path or id>', `${A_MODEL} (${without})`)).option(
    '--json',
    'print JSON, one value a line',
  );

export const A_MODEL = 'model folder, checkpoint, hub id, or embedded';
export const WITHOUT_MODEL = 'default: the embedded emoji model';

/** The options of commands that load models. */
export const loadingOptions = (command: Command): Command =>
  fetchingOptions(command)
    .addOption(
      new Option('--device <name>', 'where to compute; cuda:1 is the second card of its kind (default: auto)')
        .choices(['auto', 'cpu', 'cuda', 'metal', 'vulkan'])
        .argParser((name) => name), // the library knows them all
    )
    .option('--threads <n>', 'threads to compute with (default: all physical cores)', numeric)
    .option('--context-tokens <n>', 'most tokens of images, prompt and answer together (default: 2560)', numeric)
    .option('--max-sequences <n>', 'requests computed at the same time (default: as memory allows)', numeric);

/** What `load` is given of the command line. */
export const loadedWith = (options: CommonOptions): LoadOptions =>
  Object.fromEntries(LOADED_WITH.map((name) => [name, options[name]]));

/** The emoji model's name, for `load` as on the command line. */
export const EMBEDDED = 'embedded';

/** Whether no model was named, which is then wrong usage: work on many images is not begun with emoji by mistake. */
export function lacksModel({ model }: { model?: string }): boolean {
  if (model !== undefined) return false;
  remark('paligemma: say which model with --model FOLDER_OR_ID; --model embedded is the small emoji model');
  process.exitCode = 2;
  return true;
}

class Interrupted extends Error {}

/** Work that Ctrl-C ends in order: nothing half done stays. */
export async function untilInterrupted<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interrupted = new AbortController();
  const stop = () => interrupted.abort(new Interrupted('interrupted; nothing was changed'));
  process.once('SIGINT', stop);
  try {
    return await work(interrupted.signal);
  } finally {
    process.off('SIGINT', stop);
  }
}

/** Progress and remarks go to standard error: standard output is for results alone. */
export const remark = (line: string): void => void process.stderr.write(`${line}\n`);

/** A notice of the library. */
export const note = (text: string): void => remark(inFlags(text));

export const print = (line: string): void => void process.stdout.write(`${line}\n`);

const wordsOf = (error: unknown): string => inFlags(reasonOf(error));

/** One line that names the cause, no stack trace, and the exit status that belongs to it. */
export function fail(error: unknown, about = ''): void {
  const code = error instanceof PaliGemmaError ? `${error.code}: ` : '';
  remark(`paligemma: ${about}${code}${wordsOf(error).replace(/\s*\n\s*/g, ' ')}`);
  process.exitCode = Math.max(statusFor(error), Number(process.exitCode ?? 0)); // a crash is not forgotten for what fails after it
}

/** Where the engine's process crashed, as a shell tells it: 128 and the signal's number. */
function statusFor(error: unknown): number {
  if (error instanceof Interrupted) return INTERRUPTED;
  return error instanceof PaliGemmaError && error.signal ? 128 + (os.constants.signals[error.signal] ?? 0) : 1;
}

const errorObject = (error: unknown) => ({
  code: error instanceof PaliGemmaError ? error.code : 'ERR_UNKNOWN',
  message: wordsOf(error),
});

/** Says what failed: as a JSON value where JSON is asked for, and in a line on standard error. */
export function failWith(options: CommonOptions, about: Record<string, unknown>, error: unknown): void {
  if (options.json) print(JSON.stringify({ ...about, error: errorObject(error) }));
  const died = error instanceof PaliGemmaError && error.code === 'ERR_ENGINE_DIED';
  fail(error, died && about.image !== undefined ? `${about.image}: ` : '');
}

/**
 * Loads the model the options name (without one, the embedded model, and says so), does the work, and frees the model.
 * When loading fails, says so and does nothing.
 */
export async function withModel(
  options: CommonOptions,
  work: (model: PaliGemma, loadMs: number) => Promise<void>,
): Promise<void> {
  if (options.model === undefined) remark(EMBEDDED_NOTICE);
  const started = performance.now();
  let model: PaliGemma;
  const bar = new ProgressBar();
  try {
    const { device, devices } = options;
    const chosen = loadedWith(options);
    const load = (where: Pick<LoadOptions, 'device' | 'devices'>) =>
      untilInterrupted((signal) =>
        PaliGemma.load(options.model ?? EMBEDDED, {
          ...chosen,
          ...where,
          isolated: true, // a crash is told, by a process that lives
          signal,
          onProgress: bar.update,
          onNotice: bar.say(note),
        }),
      );
    const every = options.everyDevice && !devices && (device ?? 'auto') === 'auto' ? cardsOfBestKind() : [];
    model =
      every.length > 1
        ? await load({ device: undefined, devices: every }).catch((error) => {
            // One card may be too small for what another one holds.
            if (error instanceof PaliGemmaError && error.code === 'ERR_OUT_OF_MEMORY') return load({});
            throw error;
          })
        : await load({});
  } catch (error) {
    return failWith(options, {}, error);
  } finally {
    bar.stop();
  }
  try {
    await work(model, performance.now() - started);
  } finally {
    await model.dispose();
  }
}

/** The first device, with all others of its kind, when it is no processor. */
function cardsOfBestKind(): NonNullable<LoadOptions['devices']> {
  const devices = listDevices().map(({ device }) => device);
  const kind = devices[0]?.split(':')[0];
  return kind === 'cpu' ? [] : devices.filter((device) => device.split(':')[0] === kind);
}

export const EMBEDDED_NOTICE =
  'Using the embedded paligemma-emoji-112, a small model that knows drawn emoji scenes only; choose another with --model.';
