// Compilers and what the instructions of AMX read from memory: told by the code they make, on machines without AMX too.
import { exec, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ROOT, scratch, within } from './helpers/fixtures.js';
import { memoryReadBy } from './helpers/object-code.js';

const SOURCE = path.join(ROOT, 'vendor', 'llama.cpp', 'ggml', 'src', 'ggml-cpu', 'amx', 'mmq.cpp');

/** How the build compiles the file, but for the first processor that has AMX. */
const compiler = (() => {
  const list = path.join(ROOT, 'build', 'compile_commands.json');
  if (process.arch !== 'x64' || !fs.existsSync(list)) return null;
  const commands: { file: string; command: string }[] = JSON.parse(fs.readFileSync(list, 'utf8'));
  const command = commands.find(({ file }) => file.endsWith('ggml-cpu/amx/mmq.cpp'))?.command;
  return command ? `${command.slice(0, command.indexOf(' -o '))} -march=sapphirerapids` : null;
})();
const macros = compiler
  ? spawnSync(`${compiler} -dM -E -x c++ /dev/null`, { shell: true, encoding: 'utf8' }).stdout
  : '';
const macro = (name: string) => Number(macros.match(new RegExp(`^#define ${name} (\\d+)$`, 'm'))?.[1] ?? 0);
const usable = macro('__AMX_INT8__') && spawnSync('objdump', ['--version']).status === 0;
const forgetful = !macro('__clang__') && macro('__GNUC__') + macro('__GNUC_MINOR__') / 100 < 13.03;

async function compile(source: string): Promise<string> {
  const object = path.join(scratch('amx'), 'mmq.o');
  const library = object.replace('.o', '.so');
  await promisify(exec)(`${compiler} -w -I"${path.dirname(SOURCE)}" -o "${object}" -c "${source}"`);
  await promisify(exec)(`${compiler} -shared -o "${library}" "${object}"`); // gives constants their addresses
  return library;
}

// Intel's layout: the palette, at 16 the bytes a row of each tile, at 48 its rows.
const CONFIGURATION = Buffer.alloc(64);
CONFIGURATION[0] = 1;
for (const [tile, [rows, width]] of [[8, 64], [8, 64], [16, 32], [16, 32], ...Array(4).fill([16, 64])].entries()) {
  CONFIGURATION.writeUInt16LE(width, 16 + 2 * tile);
  CONFIGURATION[48 + tile] = rows;
}

// Skipped where the compiler is not GCC or a clang that knows AMX, and without objdump (binutils).
(usable ? describe : describe.skip)('the configuration of the tiles', () => {
  let patched: string;
  let unpatched: string;

  beforeAll(async () => {
    const text = fs.readFileSync(SOURCE, 'utf8');
    const without = path.join(scratch('amx'), 'mmq.cpp');
    fs.writeFileSync(
      without,
      text.replace(/^ *__asm__ volatile\("" ::: "memory"\);\n(?=#endif\n *_tile_loadconfig)/m, ''),
    );
    expect(fs.statSync(without).size).toBeLessThan(text.length);
    [patched, unpatched] = await Promise.all([compile(SOURCE), forgetful ? compile(without) : '']);
  }, within(600_000));

  test('is all in memory when it is loaded', () => {
    expect(memoryReadBy('ldtilecfg', 64, patched)).toEqual([...CONFIGURATION]);
  });

  (forgetful ? test : test.skip)('is not without the patch: this compiler drops the widths and rows', () => {
    expect(memoryReadBy('ldtilecfg', 64, unpatched)).toEqual([1, ...Array(63).fill(0)]);
  });
});
