#!/usr/bin/env node
// The packages as strangers get them: packed, looked into, installed where there is no compiler, and run. The library alone, and
// the command line with it. (Other package managers: scripts/test-install.mjs.)
//
//   node scripts/check-package.mjs [--nodes 20,22,24,26] [--tests]       after scripts/prebuild.mjs
//
// --nodes: also under these versions of Node (npm's `node-PLATFORM-ARCH`). --tests: there the tests too, not a program alone.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PACKAGES, PLATFORMS, packAll } from './packages.mjs';
import { fetchPackage, withoutNetwork } from './strangers.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const PLATFORM = `${process.platform}-${process.arch}`;
const PICTURE = path.join(ROOT, 'examples', 'images', 'owl-and-cat.png');
const CAPTION = 'an owl and a cat';
/** The oldest C library that the binaries run with: Debian 11's, Ubuntu 20.04's. */
const GLIBC = [2, 31];
const BUDGET = { binaries: 21e6, installed: 38e6, packages: 45 };

const { values: options } = parseArgs({
  options: { nodes: { type: 'string', default: '' }, tests: { type: 'boolean', default: false } },
});
/** Where node-gyp-build finds the binaries that were packed, and no build of this checkout. */
const prebuilt = fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-prebuilt-'));
fs.symlinkSync(path.join(ROOT, 'prebuilds'), path.join(prebuilt, 'prebuilds'), 'junction');
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-package-'));
let failures = 0;

function check(what, good, detail = '') {
  console.log(`${good ? 'ok  ' : 'FAIL'} ${what}${detail && ` (${detail})`}`);
  if (!good) failures++;
}

const run = (command, args, options = {}) =>
  spawnSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26, ...options });
const said = ({ stdout, stderr, error }) => (error?.message ?? `${stdout}${stderr}`).trim().split('\n').at(-1);
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

// Of this platform alone; where the release workflow has all, theirs are made, looked into and published.
const tarballs = packAll();
const [library, commandLine] = tarballs.slice(-2);
const ofPlatform = tarballs.find((file) => path.basename(file).includes(`-${PLATFORM}-`));
if (!ofPlatform) throw new Error(`prebuilds/${PLATFORM} is missing: node scripts/prebuild.mjs`);
for (const file of tarballs) {
  const files = execFileSync('tar', ['-tzf', file], { encoding: 'utf8' }).split('\n');
  check(`${path.basename(file)} has the licence with it`, files.includes('package/LICENSE'));
}
sizes();
exportsAndTypes();
binaries();
const project = install('project', library, ofPlatform);
packages(project);
programs(project, process.execPath);
commands(install('command-line', library, ofPlatform, commandLine), process.execPath);
for (const version of options.nodes.split(',').filter(Boolean)) otherNode(version);
for (const folder of [work, prebuilt]) fs.rmSync(folder, { recursive: true, force: true });
console.log(failures === 0 ? 'the packages are good' : `${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;

function sizes() {
  const size = (folder, part = '') => {
    const target = path.join(PACKAGES, folder, part);
    const entries = fs.readdirSync(target, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return entries.reduce(
      (sum, entry) => sum + fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name)).size,
      0,
    );
  };
  for (const file of tarballs) console.log(`     ${megabytes(fs.statSync(file).size)} packed: ${path.basename(file)}`);
  const [code, model, all] = ['dist', 'models', ''].map((part) => size('node-paligemma', part));
  const binary = size(PLATFORM);
  check('JavaScript and the binaries of a platform', code + binary <= BUDGET.binaries, megabytes(code + binary));
  check(
    'with the embedded model and all that building needs',
    all + binary <= BUDGET.installed,
    megabytes(all + binary),
  );
  check('most of which is the model', model > all / 2, megabytes(model));
  const strange = fs
    .readdirSync(path.join(PACKAGES, 'node-paligemma'), { recursive: true })
    .filter((name) => /\.map$|\.gyp$|(^|\/)(llama\.cpp|prebuilds|test|bench|\.ci|\.git)(\/|$)/.test(name));
  check('nothing that users do not need', strange.length === 0, strange.slice(0, 3).join(', '));
}

function exportsAndTypes() {
  const tool = (name) => path.join(ROOT, 'node_modules', '.bin', name);
  for (const packed of [library, commandLine]) {
    const publint = run(tool('publint'), ['run', packed, '--strict']);
    check(`publint ${path.basename(packed)}`, publint.status === 0, said(publint));
  }
  const attw = run(tool('attw'), [library, '--format', 'ascii']);
  check('are the types wrong', attw.status === 0, attw.status === 0 ? '' : said(attw));
}

function binaries() {
  const folder = PACKAGES;
  const glibc = Object.keys(PLATFORMS).filter((platform) => PLATFORMS[platform].libc === 'glibc');
  for (const platform of glibc.filter((name) => fs.existsSync(path.join(folder, name)))) {
    const files = fs.readdirSync(path.join(folder, platform)).filter((name) => /\.(so|node)$/.test(name));
    const symbols = files.map((file) => run('objdump', ['-T', path.join(folder, platform, file)]).stdout).join('\n');
    const versions = [...symbols.matchAll(/GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => [
      Number(major),
      Number(minor),
    ]);
    const newest = versions.toSorted((a, b) => b[0] - a[0] || b[1] - a[1])[0] ?? [0, 0];
    check(
      `${platform} needs no newer glibc than ${GLIBC.join('.')}`,
      newest[0] === GLIBC[0] && newest[1] <= GLIBC[1],
      newest.join('.'),
    );
    const wanted = symbols.split('\n').filter((line) => line.includes('*UND*'));
    const foreign = wanted.filter((line) => /GLIBCXX|CXXABI|_ZN2v8|_ZN4node| uv_|node_module/.test(line));
    const napi = wanted.filter((line) => / napi_| node_api_/.test(line));
    check(
      `${platform} takes from Node what Node-API has`,
      napi.length > 0 && foreign.length === 0,
      `${napi.length} functions`,
    );
  }
}

/** An environment without compilers, CMake and Python. */
function bare() {
  const bin = path.join(work, 'bin');
  if (!fs.existsSync(bin)) {
    fs.mkdirSync(bin);
    for (const name of ['node', 'npm', 'npx', 'sh', 'env']) {
      const found = run('which', [name]).stdout.trim();
      fs.symlinkSync(fs.realpathSync(found), path.join(bin, name));
    }
  }
  return { PATH: bin, HOME: path.join(work, 'home'), npm_config_cache: path.join(work, 'cache') };
}

function install(name, ...tarballs) {
  const folder = path.join(work, name);
  fs.mkdirSync(folder);
  fs.mkdirSync(path.join(work, 'home'), { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "name": "project", "private": true }');
  const registry = execFileSync('npm', ['config', 'get', 'registry'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
  const started = performance.now();
  const installed = run('npm', ['install', ...tarballs, '--no-audit', '--no-fund', '--registry', registry], {
    cwd: folder,
    env: bare(),
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const what = tarballs.map((file) => path.basename(file)).join(' ');
  check(`npm install ${what} without compilers, CMake and Python`, installed.status === 0, `${seconds} s`);
  if (installed.status !== 0) console.log(installed.stderr);
  return folder;
}

/** Without network where the system lets us take it away. */
function offline(command, args, cwd) {
  return run(...withoutNetwork(command, args), { cwd, env: bare() });
}

/** What the library brings with it. */
function packages(folder) {
  const modules = path.join(folder, 'node_modules');
  const found = fs
    .readdirSync(modules, { recursive: true })
    .map((name) => name.replaceAll(path.sep, '/'))
    .filter((name) => /(^|\/node_modules\/)(@[^/]+\/)?[^/]+\/package\.json$/.test(name) && !name.includes('/vendor/'));
  check('packages in all', found.length > 0 && found.length <= BUDGET.packages, `${found.length}`);
  const tools = found.filter((name) => /(^|\/)(cmake-js|node-addon-api|commander)\//.test(name));
  check('no build tool, nothing of the command line', tools.length === 0, tools.join(', '));
}

function commands(folder, node) {
  const started = performance.now();
  const cli = offline(node, [path.join(folder, 'node_modules', '.bin', 'paligemma'), 'caption', PICTURE], folder);
  check(
    'npx paligemma caption',
    cli.stdout.trim() === CAPTION,
    cli.stdout.trim() === CAPTION ? `${((performance.now() - started) / 1000).toFixed(2)} s` : said(cli),
  );
}

function programs(folder, node) {
  const body = `PaliGemma.load().then(async (model) => { console.log(await model.caption(${JSON.stringify(PICTURE)})); await model.dispose(); });`;
  for (const [name, code] of [
    ['import', `import { PaliGemma } from 'node-paligemma'; ${body}`],
    ['require', `const { PaliGemma } = require('node-paligemma'); ${body}`],
  ]) {
    const file = path.join(folder, name === 'import' ? 'a.mjs' : 'a.cjs');
    fs.writeFileSync(file, code);
    const result = offline(node, [file], folder);
    check(name, result.stdout.trim() === CAPTION, result.stdout.trim() || said(result));
  }
  const typed = `import { PaliGemma, type Detection } from 'node-paligemma';
    import { reasonOf } from 'node-paligemma/support';
    console.log(reasonOf(new Error()));
    export async function find(picture: string): Promise<Detection[]> { const model = await PaliGemma.load();
      const text: string = await model.caption(picture, { language: 'es' }); return model.detect(picture, [text]); }\n`;
  fs.mkdirSync(path.join(folder, 'node_modules', '@types'), { recursive: true });
  const types = path.join(folder, 'node_modules', '@types', 'node');
  if (!fs.existsSync(types)) fs.symlinkSync(path.join(ROOT, 'node_modules', '@types', 'node'), types);
  for (const name of ['a.mts', 'a.cts']) fs.writeFileSync(path.join(folder, name), typed);
  const tsc = path.join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const args = [
    '--noEmit',
    '--strict',
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--types',
    'node',
    'a.mts',
    'a.cts',
  ];
  const compiled = run(process.execPath, [tsc, ...args], { cwd: folder });
  check('TypeScript consumers compile', compiled.status === 0, said(compiled));
}

function otherNode(version) {
  const folder = path.join(work, `node-${version}`);
  try {
    fetchPackage(folder, `node-${PLATFORM}@${version}`);
  } catch (error) {
    return check(`Node ${version}`, false, error.message);
  }
  const node = path.join(folder, 'node_modules', `node-${PLATFORM}`, 'bin', 'node');
  const found = run(node, ['--version']).stdout.trim();
  const file = path.join(project, 'a.mjs');
  const result = run(node, [file], { cwd: project });
  check(`Node ${found}: the same binary`, result.stdout.trim() === CAPTION, said(result));
  if (!options.tests) return;
  const jest = path.join(ROOT, 'node_modules', 'jest', 'bin', 'jest.js');
  const env = { ...process.env, NODE_PALIGEMMA_PREBUILD: prebuilt };
  const tests = run(
    node,
    ['--experimental-vm-modules', '--no-warnings', jest, 'emoji', 'reference', 'package', 'paligemma', 'image'],
    { cwd: ROOT, env },
  );
  check(`Node ${found}: tests`, tests.status === 0, tests.stderr.match(/^Tests:.*$/m)?.[0]);
}
