// A task that there is not: described in one file, with its line in the index. It must be wherever tasks are.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { PICTURE, ROOT, scratch, within } from './helpers/fixtures.js';

const execute = promisify(execFile);

const DESCRIPTION = `
import { record } from './json-schema.js';
import { sampling } from './sampling.js';
import { task } from './task.js';

export const tally = task({
  name: 'tally',
  summary: 'count the words of a caption',
  images: { least: 1, most: 1 },
  options: {
    minLetters: { schema: { type: 'integer', minimum: 1, maximum: 9 }, value: 'n', help: 'of words that count', required: true },
  },
  sampling,
  impliedBy: 'minLetters',
  streams: false,
  ask: () => ({ prompt: 'caption en' }),
  result: ({ text }, { minLetters }) => ({ words: text.split(' ').filter((word) => word.length >= minLetters).length }),
  json: { field: 'tally', schema: record({ words: { type: 'integer', minimum: 0 } }), of: (tally) => tally },
});
`;

let root: string;

beforeAll(async () => {
  root = scratch('made-up');
  // Where a package has what the code looks for beside itself.
  for (const name of ['node_modules', 'models', 'build', 'prebuilds', 'package.json'])
    if (fs.existsSync(path.join(ROOT, name))) fs.symlinkSync(path.join(ROOT, name), path.join(root, name));
  const sources = (file: string) => !['dist', 'node_modules'].includes(path.basename(file));
  for (const name of ['lib', 'cli'])
    fs.cpSync(path.join(ROOT, name), path.join(root, name), { recursive: true, filter: sources });
  const own = path.join(ROOT, 'cli', 'node_modules'); // what npm could not put beside what others need
  if (fs.existsSync(own)) fs.symlinkSync(own, path.join(root, 'cli', 'node_modules'));
  const index = path.join(root, 'lib', 'tasks', 'index.ts');
  fs.writeFileSync(path.join(root, 'lib', 'tasks', 'tally.ts'), DESCRIPTION);
  const text = fs.readFileSync(index, 'utf8');
  fs.writeFileSync(
    index,
    `import { tally } from './tally.js';\n${text.replace('export const tasks = {', 'export const tasks = {\n  tally,')}`,
  );
  const how = { bundle: true, format: 'esm', platform: 'node', packages: 'external' } as const;
  await build({
    ...how,
    entryPoints: {
      index: path.join(root, 'lib', 'index.ts'),
      support: path.join(root, 'lib', 'support.ts'),
      'engine-process': path.join(root, 'lib', 'engine', 'isolated', 'main.ts'),
    },
    outdir: path.join(root, 'dist'),
  });
  await build({
    ...how,
    entryPoints: {
      cli: path.join(root, 'cli', 'commands', 'index.ts'),
      outcome: path.join(root, 'cli', 'fleet', 'outcome.ts'),
    },
    alias: {
      'node-paligemma/support': path.join(root, 'dist', 'support.js'),
      'node-paligemma': path.join(root, 'dist', 'index.js'),
    },
    outdir: path.join(root, 'cli', 'dist'),
  });
}, within(120_000));

const program = async (...args: string[]) =>
  (await execute(process.execPath, [path.join(root, 'cli', 'dist', 'cli.js'), ...args])).stdout;

test(
  'it is a command with its flags and their checks',
  async () => {
    expect(await program('--help')).toMatch(/tally .*count the words of a caption/);
    expect(await program('tally', '--help')).toMatch(/--min-letters <n> +of words that count/);
    await expect(program('tally', PICTURE)).rejects.toMatchObject({ code: 2 });
    await expect(program('tally', PICTURE, '--min-letters', '10')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--min-letters must be a whole number from 1 to 9'),
    });
    const answer = JSON.parse(await program('tally', PICTURE, '--min-letters', '3', '--json'));
    expect(answer).toMatchObject({ image: PICTURE, minLetters: 3, tally: { words: 3 }, finishReason: 'stop' });
  },
  within(120_000),
);

test(
  'it is asked by name, in batches too, and travels through a fleet',
  async () => {
    const { PaliGemma } = await import(path.join(root, 'dist', 'index.js'));
    const model = await PaliGemma.load(path.join(root, 'models', 'paligemma-emoji-112'));
    try {
      expect(await model.run('tally', PICTURE, { minLetters: 1 })).toMatchObject({ result: { words: 5 } });
      await expect(model.run('tally', PICTURE, {})).rejects.toThrow('the task tally needs minLetters');
      const answer = await model.ask({ image: PICTURE, minLetters: 3 });
      expect(answer).toMatchObject({ tally: { words: 3 } });
      const { outcomeOf } = await import(path.join(root, 'cli', 'dist', 'outcome.js'));
      expect(outcomeOf({ ...answer, tally: { words: 3, more: 1 } })).toEqual(answer);
      expect(outcomeOf({ ...answer, tally: { words: -3 } })).toMatchObject({ error: { code: 'ERR_INVALID_OUTCOME' } });
      const { ownQuestion } = await import(path.join(root, 'dist', 'support.js'));
      expect(ownQuestion({ image: PICTURE, minLetters: 3, other: 4 })).toMatchObject({ minLetters: 3 });
    } finally {
      await model.dispose();
    }
  },
  within(120_000),
);

test(
  'its options and its result have schemas',
  async () => {
    const { options, result } = JSON.parse(await program('schema', 'tally'));
    expect(options).toMatchObject({ properties: { minLetters: { maximum: 9 }, topK: {} }, required: ['minLetters'] });
    expect(result).toMatchObject({ properties: { tally: { properties: { words: { type: 'integer' } } } } });
  },
  within(120_000),
);
