import os from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { cacheFolder, listCache, PaliGemma, PaliGemmaError, type SystemInfo, systemInfo } from 'node-paligemma';
import { reasonOf } from 'node-paligemma/support';
import { EMBEDDED, print } from './common.js';
import { bytes } from './format.js';

/** What tells a reader of a bug report how this program was set up. Tokens are never among them. */
const SETTINGS = ['PALIGEMMA_CACHE', 'HF_ENDPOINT', 'HF_HUB_OFFLINE', 'HF_HOME', 'HF_HUB_CACHE', 'REDIS_URL'];

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('show on one screen what this installation computes with, for a bug report')
    .option('--json', 'print JSON')
    .action(run);
}

async function run({ json }: { json?: boolean }): Promise<void> {
  const system = systemInfo();
  const check = await captionOnce();
  const cached = await listCache();
  const cache = {
    folder: cacheFolder(),
    models: cached.length,
    bytes: cached.reduce((sum, one) => sum + one.bytes, 0),
  };
  const settings = SETTINGS.filter((name) => process.env[name] !== undefined);
  if (check.error) process.exitCode = 1;
  const node = process.version;
  if (json) return print(JSON.stringify({ ...system, node, system: os.release(), cache, settings, check }));
  const rows: [string, string][] = [
    ['node-paligemma', `${system.version}, Node ${node}, ${system.platform} (${os.type()} ${os.release()})`],
    ['processor', `${system.processor}, ${system.threads} threads`],
    ['instructions', system.instructionSets],
    ['memory', `${bytes(system.memory.available)} available of ${bytes(system.memory.total)}`],
    ...devicesOf(system),
    ['cache', `${home(cache.folder)}: ${cache.models} models, ${bytes(cache.bytes)}`],
    ['settings', settings.length > 0 ? `${settings.join(', ')} set` : 'none'],
    ['check', check.error ?? `the embedded model says "${check.text}" on ${check.device} in ${check.milliseconds} ms`],
  ];
  for (const [name, value] of rows) print(`${name.padEnd(15)} ${value}`);
}

/** Which device is used, and why not the others. */
function devicesOf({ devices, absent }: SystemInfo): [string, string][] {
  return [
    ...devices.map(({ device, description, memory }, i): [string, string] => [
      i === 0 ? 'device' : '',
      `${device}: ${description}, ${bytes(memory.free)} free of ${bytes(memory.total)}${i === 0 ? ' (the first choice)' : ''}`,
    ]),
    ...absent.map(({ device, reason }): [string, string] => ['', `no ${device}: ${reason}`]),
  ];
}

/** Whether everything from pixels to text works: the embedded model's caption of a blank picture. */
async function captionOnce() {
  const image = { data: new Uint8Array(3 * 16 * 16).fill(128), width: 16, height: 16, channels: 3 as const };
  try {
    const model = await PaliGemma.load(EMBEDDED, { isolated: true });
    const { result: text, timings } = await model.run('caption', image, {});
    const { device } = model.info;
    await model.dispose();
    return { text, device, milliseconds: Math.round(timings.total) };
  } catch (error) {
    return { error: `${error instanceof PaliGemmaError ? `${error.code}: ` : ''}${reasonOf(error)}` };
  }
}

/** Without the user's name, which belongs in no bug report. */
const home = (folder: string): string =>
  folder.startsWith(os.homedir() + path.sep) ? path.join('~', path.relative(os.homedir(), folder)) : folder;
