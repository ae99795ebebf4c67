#!/usr/bin/env node
// How fast a checkpoint is converted, against copying its files and against llama.cpp's own quantiser, in one run.
//
//   node bench/conversion/run.mjs CHECKPOINT WORK_FOLDER [--runs 1] [--types f16,q8_0,q4_k_m]
//
// Times are wall clock with everything flushed to the disk (`sync` after the copy and the quantiser, which do not flush).
// Memory is the whole process' largest resident set. WORK_FOLDER needs room for twice the checkpoint.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const QUANTIZER = path.join(ROOT, 'build', 'test', 'reference-quantize');
/** llama_ftype of llama.h. */
const FILE_TYPE = { f16: 1, q8_0: 7, q6_k: 18, q5_k_m: 17, q4_k_m: 15, q4_0: 2 };

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: 'string', default: '1' }, types: { type: 'string', default: 'f16,q8_0,q4_k_m' } },
});
const [checkpoint, work] = positionals;
if (!checkpoint || !work) {
  console.error('usage: run.mjs CHECKPOINT WORK_FOLDER [--runs N] [--types LIST]');
  process.exit(2);
}

const CONVERT = `
  import { convert } from ${JSON.stringify(path.join(ROOT, 'dist', 'index.js'))};
  const [source, target, quantization] = process.argv.slice(1);
  const { files } = await convert(source, target, { quantization });
  console.log(JSON.stringify({ memory: process.resourceUsage().maxRSS * 1024, bytes: files.reduce((sum, f) => sum + f.bytes, 0) }));
`;

function timed(run) {
  execFileSync('sync');
  const started = performance.now();
  const result = run();
  return { seconds: (performance.now() - started) / 1000, ...result };
}

const folder = (name) => path.join(work, name);
const fresh = (name) => fs.rmSync(folder(name), { recursive: true, force: true });

function copy() {
  fresh('copy');
  return timed(() => {
    execFileSync('cp', ['-r', checkpoint, folder('copy')]);
    execFileSync('sync');
    return {};
  });
}

function convert(type) {
  fresh(type);
  return timed(() => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', CONVERT, '--', checkpoint, folder(type), type],
      { encoding: 'utf8' },
    );
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout);
  });
}

/** The text model alone, from our 16-bit file. */
function quantise(from, type) {
  const target = folder('reference.gguf');
  return timed(() => {
    execFileSync(QUANTIZER, [path.join(folder(from), 'model.gguf'), target, String(FILE_TYPE[type])]);
    execFileSync('sync');
    return { bytes: fs.statSync(target).size };
  });
}

fs.mkdirSync(work, { recursive: true });
const sourceBytes = fs
  .readdirSync(checkpoint)
  .filter((name) => name.endsWith('.safetensors'))
  .reduce((sum, name) => sum + fs.statSync(path.join(checkpoint, name)).size, 0);
console.log(`${path.basename(checkpoint)}: ${(sourceBytes / 1e9).toFixed(2)} GB`);

for (let run = 0; run < Number(options.runs); run++) {
  const base = copy();
  fresh('copy');
  console.log(`copy           ${base.seconds.toFixed(1)} s`);
  for (const type of options.types.split(',')) {
    const ours = convert(type);
    const line = [
      `${type.padEnd(14)} ${ours.seconds.toFixed(1)} s`,
      `${(ours.seconds / base.seconds).toFixed(2)} x the copy`,
      `${Math.round(ours.memory / 1e6)} MB resident`,
      `${(ours.bytes / 1e9).toFixed(2)} GB`,
    ];
    if (type !== 'f16' && fs.existsSync(path.join(folder('f16'), 'model.gguf'))) {
      const theirs = quantise('f16', type);
      line.push(
        `quantiser (text model alone, from f16) ${theirs.seconds.toFixed(1)} s`,
        `ratio ${(ours.seconds / theirs.seconds).toFixed(2)}`,
      );
      fs.rmSync(folder('reference.gguf'));
    }
    console.log(line.join(', '));
    if (type !== 'f16') fresh(type);
  }
  fresh('f16');
}
