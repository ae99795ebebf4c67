#!/usr/bin/env node
// Damage on purpose, so much of it as is asked for: whatever a file says, the library answers or refuses with an error of the
// right kind, and its process lives. A case is its number and the seed: the same damage every time, on every machine.
//
//   npm run fuzz -- TARGET [--count 1000] [--seed 1] [--from N] [--only N] [--jobs 2] [--timeout 20] [--keep DIR] [--judge]
//
// Targets are the files in targets/. Failing cases are laid down in DIR/TARGET-SEED-N with what was done and what became of it.
// Standard output is one JSON object; the exit status is 1 when a case failed.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { caseOf, lay } from './cases.mjs';
import { Lane } from './lane.mjs';

const TARGETS = fs
  .readdirSync(path.join(path.dirname(fileURLToPath(import.meta.url)), 'targets'))
  .map((file) => path.parse(file).name);
const number = (fallback) => ({ type: 'string', default: String(fallback) });
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: number(1000),
    seed: number(1),
    from: number(0),
    only: { type: 'string' },
    jobs: number(2),
    timeout: number(20),
    keep: { type: 'string', default: path.join(os.tmpdir(), 'paligemma-fuzz') },
    judge: { type: 'boolean', default: false },
  },
});
const [name] = positionals;
if (positionals.length !== 1 || !TARGETS.includes(name)) {
  console.error(`usage: npm run fuzz -- ${TARGETS.join('|')} [--count N] [--seed N] [--from N] [--only N] [--judge]`);
  process.exit(2);
}
const seed = Number(values.seed);
const only = values.only === undefined ? undefined : Number(values.only);
const [from, count] = only === undefined ? [Number(values.from), Number(values.count)] : [only, only + 1];

const target = await import(`./targets/${name}.mjs`);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fuzz-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
const started = performance.now();
await target.prepare?.(folder);
const context = await target.open(folder);
const options = { name, seed, folder, timeout: Number(values.timeout), ...target };

const refused = {};
const failures = [];
let answered = 0;
let done = 0;
let told = performance.now();

/** Takes down what became of a case. */
function record(stage, number, { failed, refused: code, message }) {
  done++;
  if (failed) fail(stage, number, failed);
  else if (code) refused[code] = (refused[code] ?? 0) + 1;
  else answered++;
  if (only !== undefined) keep(number, { stage, failed, code, message });
  if (performance.now() - told < 5000) return;
  told = performance.now();
  console.error(`${name} ${stage} ${number} of ${count}: ${failures.length} failed`);
}

function fail(stage, number, why) {
  failures.push({ case: number, stage, why });
  console.error(`${name} ${number} ${stage}: ${why.split('\n')[0].slice(0, 300)}`);
  keep(number, { stage, failed: why });
}

function keep(number, outcome) {
  const { files, ...plan } = caseOf(target, context, name, seed, number);
  const place = path.join(values.keep, `${name}-${seed}-${number}`);
  fs.rmSync(place, { recursive: true, force: true });
  lay(place, files);
  fs.writeFileSync(path.join(place, 'case.json'), JSON.stringify({ ...plan, ...outcome }, null, 2));
  if (only !== undefined) console.error({ place, ...plan, ...outcome });
}

/** Runs cases in several lanes. */
async function inLanes(numbers, stage, jobs, settle) {
  const queue = numbers[Symbol.iterator]();
  const work = async () => {
    const lane = new Lane(options);
    for (const number of queue) settle(number, await lane.run(number, stage));
    const { failed } = await lane.close();
    if (failed) throw new Error(`a worker without a case: ${failed}`);
  };
  await Promise.all(Array.from({ length: jobs }, work));
}

const all = Array.from({ length: Math.max(count - from, 0) }, (_, i) => from + i);
const jobs = Number(values.jobs);
const stages = target.judge ? (values.judge ? ['judge'] : ['judge', 'use']) : ['use'];

// What is whole must be answered: otherwise a refusal of what is damaged proves nothing.
for (const stage of stages)
  await inLanes(
    target.whole(context).map((_, i) => -1 - i),
    stage,
    1,
    (number, { failed, message }) => {
      const why = failed ?? message;
      if (why !== undefined) throw new Error(`${target.whole(context)[-1 - number].what}, undamaged: ${why}`);
    },
  );

let passed = all;
if (target.judge) {
  passed = [];
  // All in one process: nothing of an earlier file may change what is said of a later one.
  await inLanes(all, 'judge', 1, (number, outcome) => {
    if (outcome.failed || outcome.refused || values.judge) record('judge', number, outcome);
    if (!outcome.failed && !outcome.refused) passed.push(number);
  });
}
const letThrough = target.judge ? { judged: all.length, passed: passed.length } : {};
if (!values.judge) await inLanes(passed, 'use', jobs, (number, outcome) => record('use', number, outcome));

// What only shows after all of them.
const { failed: late = [], told: more = {} } = (await target.finish?.()) ?? {};
for (const why of late) {
  failures.push({ case: 'end', stage: 'use', why });
  console.error(`${name}, at the end: ${why}`);
}

const seconds = (performance.now() - started) / 1000;
const kinds = {};
for (const { stage, why } of failures) {
  const kind = `${stage}: ${why.split('\n')[0].replace(/\d+/g, 'N').slice(0, 160)}`;
  kinds[kind] = (kinds[kind] ?? 0) + 1;
}
console.log(
  JSON.stringify({
    target: name,
    seed,
    from,
    cases: done,
    ...letThrough,
    answered,
    refused,
    failed: failures.length,
    kinds,
    failing: failures.map((failure) => failure.case).sort((a, b) => a - b),
    ...more,
    seconds: Math.round(seconds * 10) / 10,
    casesPerSecond: Math.round((done / seconds) * 10) / 10,
  }),
);
process.exitCode = failures.length > 0 ? 1 : 0;
