#!/usr/bin/env node
// Tests what is built for Windows on x64 (prebuilds/win32-x64): on Linux under Wine with Windows' own node.exe, on Windows as it is.
//
//   npm run test:windows                          programs, then the suites of scripts/windows/suites.mjs
//   npm run test:windows -- reference batch/cli   programs and these suites
//   npm run test:windows -- --nodes 22.23.3       other versions of Node, under Wine: the programs with each, the suites with the first
//   npm run test:windows -- --no-build            what is there already
//
// On Linux it builds first (scripts/prebuild.mjs --platform win32), and installs Debian's Wine where it is missing. The last line
// says `N passed, N failed`. Exit status 1 when something fails.
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildTypeScript, main, run } from './build.mjs';
import { inWords } from './signals.mjs';
import { foreignImports } from './windows/imports.mjs';
import { interruptBatch, layOutPrograms } from './windows/programs.mjs';
import { RealWindows } from './windows/real-windows.mjs';
import { LEFT_OUT, NOT_UNDER_WINE, SUITES, unlisted } from './windows/suites.mjs';
import { Wine } from './windows/wine.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const ON_WINDOWS = process.platform === 'win32';
/** Whatever hangs ends. */
const PROGRAM_MS = 120_000;
const SUITE_MS = 1_200_000;

const { values: options, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: {
    nodes: { type: 'string', default: ON_WINDOWS ? process.versions.node : '20.20.2,22.23.3' },
    'no-build': { type: 'boolean', default: false },
  },
});
const wrong = asked.filter((name) => !SUITES.includes(name));
if (wrong.length > 0) {
  console.error(`${wrong.join(', ')}: not in scripts/windows/suites.mjs, which has ${SUITES.join(', ')}`);
  process.exit(2);
}

let passed = 0;
let failed = 0;

function check(what, good, detail = '') {
  console.log(`${good ? 'ok  ' : 'FAIL'} ${what}${detail && ` (${detail})`}`);
  if (good) passed++;
  else failed++;
}

main(() => {
  if (!options['no-build']) {
    if (!ON_WINDOWS)
      run('building for Windows', [path.join(ROOT, 'scripts', 'prebuild.mjs'), '--platform', 'win32', '--arch', 'x64']);
    buildTypeScript();
  }
});
const system = ON_WINDOWS ? new RealWindows(ROOT) : new Wine(ROOT);
system.prepare();
const nodes = options.nodes.split(',');
const binaries = path.join(ROOT, 'prebuilds', 'win32-x64');
if (!ON_WINDOWS) {
  const foreign = foreignImports(binaries);
  check('the libraries need what Windows has, and each other', foreign.length === 0, foreign.join(', '));
}
const strange = unlisted(ROOT);
check('every suite is listed or left out for a reason', strange.length === 0, strange.join(', '));
const { folder, programs } = layOutPrograms(system.project);
for (const version of nodes) for (const name of ['node.exe', 'my-app.exe']) runPrograms(version, name);
if (!ON_WINDOWS) {
  const wrong = await interruptBatch(system, system.node(nodes[0]));
  check('Ctrl-C in a console ends a batch, which is gone on with', wrong === undefined, wrong);
}
for (const suite of asked.length > 0 ? asked : SUITES) runSuite(suite, nodes[0]);
if (asked.length === 0) {
  console.log('\nLeft out:');
  for (const [reason, names] of LEFT_OUT) console.log(`     ${names.join(', ')}: ${reason}`);
}
system.end();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** @param name of the executable: applications of Electron have their own */
function runPrograms(version, name) {
  const node = system.node(version);
  const program = path.join(path.dirname(node), name);
  if (!fs.existsSync(program)) fs.copyFileSync(node, program);
  for (const { name: what, args, prints } of programs) {
    const started = performance.now();
    const { status, signal, stdout, stderr } = system.run(program, args, { cwd: folder, timeout: PROGRAM_MS });
    const good = status === 0 && stdout.trim().replaceAll('\r', '') === prints;
    const seconds = `${((performance.now() - started) / 1000).toFixed(1)} s`;
    check(`${name} ${version}: ${what}`, good, good ? seconds : `${signal ?? status}: ${stdout}${stderr}`.trim());
  }
}

function runSuite(suite, version) {
  const result = path.join(system.project, 'result.json');
  fs.rmSync(result, { force: true });
  const started = performance.now();
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  const how = ['--ci', '--json', '--outputFile=result.json', '--roots=test', '--testTimeout=180000'];
  const without = ON_WINDOWS ? [] : (NOT_UNDER_WINE[suite] ?? []);
  if (without.length > 0) how.push('-t', `^(?!.*(${without.join('|')}))`);
  const { status, signal, stderr } = system.run(system.node(version), [...jest, ...how, `test/${suite}.test.ts`], {
    env: { PALIGEMMA_PATIENCE: '3' },
    timeout: SUITE_MS,
  });
  const seconds = `${((performance.now() - started) / 1000).toFixed(0)} s`;
  const end = signal ? inWords(signal) : `status ${status}`;
  if (!fs.existsSync(result)) return check(suite, false, `${end} after ${seconds}: ${stderr.trim().slice(-2000)}`);
  const report = JSON.parse(fs.readFileSync(result, 'utf8'));
  const {
    numPassedTests: good,
    numFailedTests: bad,
    numPendingTests: skipped,
    numRuntimeErrorTestSuites: broken,
  } = report;
  passed += good;
  failed += bad + broken;
  const fine = bad + broken === 0 && status === 0;
  if (!fine && bad + broken === 0) failed++; // it passed, and did not end well
  const skips = skipped > 0 ? `, ${skipped} skipped` : '';
  console.log(
    `${fine ? 'ok  ' : 'FAIL'} ${suite}: ${good} passed, ${bad + broken} failed${skips} (${seconds}, ${end})`,
  );
  for (const { message } of report.testResults) if (message) console.log(message);
}
