import { Command } from 'commander';
import { type CachedModel, cacheFolder, listCache, removeFromCache } from 'node-paligemma';
import { print, remark } from './common.js';
import { bytes } from './format.js';

interface Options {
  cacheDir?: string;
  json?: boolean;
}

const subcommand = (name: string): Command =>
  new Command(name)
    .option('--cache-dir <folder>', "the cache (default: PALIGEMMA_CACHE or the platform's cache folder)")
    .option('--json', 'print JSON');

export function cacheCommand(): Command {
  return new Command('cache')
    .description('show or remove converted models that are kept')
    .addCommand(subcommand('list').description('what is kept, the newest first').action(list))
    .addCommand(
      subcommand('remove')
        .description('remove all that is kept of a model')
        .argument('[model]', 'hub id or path, as it was loaded')
        .option('--all', 'remove everything')
        .action(remove),
    )
    .addCommand(subcommand('path').description('where models are kept').action(where));
}

async function list({ json, cacheDir }: Options): Promise<void> {
  const models = await listCache({ cacheDir });
  if (json) return print(JSON.stringify(models));
  for (const model of models) print(line(model));
  remark(
    `${models.length} models, ${bytes(models.reduce((sum, model) => sum + model.bytes, 0))} in ${cacheFolder(cacheDir)}`,
  );
}

async function remove(
  model: string | undefined,
  options: Options & { all?: boolean },
  command: Command,
): Promise<void> {
  const { json, all, cacheDir } = options;
  if ((model === undefined) === !all) command.error('error: name a model, or say --all', { exitCode: 2 });
  const removed = await removeFromCache(model, { cacheDir });
  if (json) print(JSON.stringify(removed));
  else for (const entry of removed) print(line(entry));
  remark(`removed ${removed.length} models, ${bytes(removed.reduce((sum, entry) => sum + entry.bytes, 0))}`);
}

function where({ json, cacheDir }: Options): void {
  const folder = cacheFolder(cacheDir);
  print(json ? JSON.stringify(folder) : folder);
}

const line = ({
  model,
  revision,
  commit,
  quantization,
  visionQuantization,
  adapter,
  bytes: size,
}: CachedModel): string => {
  const version = commit === undefined ? '' : ` ${revision} (${commit.slice(0, 8)})`;
  return `${model}${version}  text ${quantization}, vision ${visionQuantization}${adapter ? `, adapter ${adapter}` : ''}  ${bytes(size)}`;
};
