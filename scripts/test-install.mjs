#!/usr/bin/env node
// Installs the packed packages as strangers do, and captions a picture: with every package manager and every version of Node, into
// empty folders, with scripts off, where there is neither compiler nor CMake nor Python, and without network once it is installed.
//
//   npm run test:install                             after scripts/prebuild.mjs: all of them
//   npm run test:install -- npm@12 pnpm              these
//   npm run test:install -- --from FOLDER            of tarballs that were packed before
//   npm run test:install -- --keep                   leaves the folders, and says where
//
// The packages come from a registry on the loopback, which hands on what is not ours. Exit status 1 when something fails.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startRegistry, stub } from './local-registry.mjs';
import { PLATFORMS, packCommands, packLibrary, packPlatform, platformManifest } from './packages.mjs';
import { fetchPackage, withoutNetwork } from './strangers.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const PLATFORM = `${process.platform}-${process.arch}`;
const PICTURE = path.join(ROOT, 'examples', 'images', 'owl-and-cat.png');
const CAPTION = 'an owl and a cat';
const PATIENCE = 200_000;
const OURS = ['node-paligemma', 'paligemma'];
const PNPM = `@pnpm/exe.${PLATFORM}@12`;
const BUN = `@oven/bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : 'x64'}`;

const { values: options, positionals } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, from: { type: 'string' } },
  allowPositionals: true,
});

const BERRY = (linker) => (url) =>
  [
    `npmRegistryServer: "${url}"`,
    'unsafeHttpWhitelist: ["127.0.0.1"]',
    'enableScripts: false',
    'enableTelemetry: false',
    // With Plug'n'Play the cache is where the packages are.
    `enableGlobalCache: ${linker !== 'pnp'}`,
    `nodeLinker: ${linker}`,
  ].join('\n');
const berry = (linker) => ({
  tool: '@yarnpkg/cli-dist@4',
  bin: 'yarn',
  files: { '.yarnrc.yml': BERRY(linker), 'yarn.lock': () => '' },
  install: ['add', ...OURS],
});
const npm = (major, node) => ({
  tool: `npm@${major}`,
  node,
  bin: 'npm',
  install: ['install', ...OURS, '--ignore-scripts', '--no-audit', '--no-fund'],
});
const scripts = (major, lock) => ({
  ...npm(major, 22),
  install: ['install', ...(lock ? [] : OURS), '--no-audit', '--no-fund'],
  lock,
});

/** Ways to install: the tool as npm has it, what it is told, and the Node that everything runs in (none: this one). */
const WAYS = {
  'npm@10': npm(10, 22),
  'npm@11': npm(11, 22),
  'npm@12': npm(12, 24),
  // A binding.gyp, or a script, would have these build unasked.
  'npm@10 scripts on': scripts(10, false),
  'npm@10 scripts on, lock file': scripts(10, true),
  'npm@11 scripts on': scripts(11, false),
  'npm@11 scripts on, lock file': scripts(11, true),
  'pnpm@10': { tool: 'pnpm@10', node: 22, bin: 'pnpm', install: ['add', ...OURS, '--ignore-scripts'] },
  'pnpm@12': { tool: PNPM, node: 24, bin: 'pnpm', native: true, install: ['add', ...OURS, '--ignore-scripts'] },
  'yarn@1': { tool: 'yarn@1', node: 22, bin: 'yarn', install: ['add', ...OURS, '--ignore-scripts'] },
  'yarn@4 node-modules': { ...berry('node-modules'), node: 22 },
  'yarn@4 pnp': { ...berry('pnp'), node: 22, run: 'yarn' },
  bun: { tool: BUN, node: 22, bin: 'bin/bun', native: true, install: ['add', ...OURS, '--ignore-scripts'] },
  'node@20': npm(10, 20),
  'node@22': npm(11, 22),
  'node@24': npm(11, 24),
  'node@26': npm(12, 26),
};

const named = Object.keys(WAYS).filter(
  (name) => positionals.length === 0 || positionals.some((asked) => name.startsWith(asked)),
);
if (named.length === 0) {
  console.error(`no such way: there are ${Object.keys(WAYS).join('; ')}`);
  process.exit(2);
}
const work = fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-install-'));
let passed = 0;
let failed = 0;

/** A package of npm that is only used here, and its folder. */
function tool(spec) {
  const folder = path.join(work, 'tools', spec.replace(/[@/]/g, '_'));
  const name = spec.replace(/(.)@.*/, '$1');
  if (!fs.existsSync(folder)) fetchPackage(folder, spec);
  return path.join(folder, 'node_modules', name);
}

const nodeOf = (major) => path.join(tool(`node-${PLATFORM}@${major}`), 'bin', 'node');

/** How this machine reaches registries. */
const NETWORK = Object.fromEntries(
  Object.entries(process.env).filter(([name]) =>
    /^(https?_proxy|no_proxy|node_extra_ca_certs|ssl_cert_\w+)$/i.test(name),
  ),
);

/** An environment with what shells' wrappers of commands need, and nothing that builds. */
function bare(name, node) {
  const folder = path.join(work, 'machines', name);
  const bin = path.join(folder, 'bin');
  fs.mkdirSync(path.join(folder, 'home'), { recursive: true });
  fs.mkdirSync(bin, { recursive: true });
  fs.symlinkSync(node, path.join(bin, 'node'));
  for (const command of ['sh', 'env', 'sed', 'dirname', 'basename', 'uname', 'readlink']) {
    const found = spawnSync('which', [command], { encoding: 'utf8' }).stdout.trim();
    if (found) fs.symlinkSync(fs.realpathSync(found), path.join(bin, command));
  }
  const home = path.join(folder, 'home');
  return {
    ...NETWORK,
    PATH: bin,
    HOME: home,
    npm_config_cache: path.join(home, 'npm'),
    COREPACK_ENABLE_STRICT: '0',
    CI: 'true',
  };
}

const run = (command, args, { cwd, env, network = true }) =>
  new Promise((resolve) => {
    const [program, given] = network ? [command, args] : withoutNetwork(command, args);
    const child = spawn(program, given, { cwd, env, timeout: PATIENCE });
    let out = '';
    let err = '';
    child.stdin.end();
    child.stdout.on('data', (data) => (out += data));
    child.stderr.on('data', (data) => (err += data));
    child.on('error', (error) => resolve({ status: 1, out, err: String(error) }));
    child.on('close', (status) => resolve({ status, out: out.trim(), err: err.trim() }));
  });

/** Bytes of the files in a folder, each once however many links it has. */
function bytes(folder) {
  const seen = new Set();
  let sum = 0;
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const { ino, size } = fs.statSync(path.join(entry.parentPath ?? entry.path, entry.name));
    if (!seen.has(ino)) sum += size;
    seen.add(ino);
  }
  return sum;
}

const BODY = `const model = await PaliGemma.load('embedded');
  console.log(await model.caption(${JSON.stringify(PICTURE)}));
  await model.dispose();`;
const PROGRAMS = {
  'import.mjs': `import { PaliGemma } from 'node-paligemma';\n${BODY}`,
  'require.cjs': `const { PaliGemma } = require('node-paligemma');\n(async () => { ${BODY} })();`,
  'worker.cjs': `const { Worker, isMainThread } = require('node:worker_threads');
if (isMainThread) new Worker(__filename);
else { const { PaliGemma } = require('node-paligemma'); (async () => { ${BODY} })(); }`,
};

async function installed(name, registry) {
  const way = WAYS[name];
  const node = way.node ? nodeOf(way.node) : process.execPath;
  const place = tool(way.tool);
  const env = bare(name.replace(/\W+/g, '-'), node);
  const folder = path.join(work, 'projects', name.replace(/\W+/g, '-'));
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "name": "project", "version": "1.0.0", "private": true }');
  fs.writeFileSync(path.join(folder, '.npmrc'), `registry=${registry.url}\n`);
  for (const [file, text] of Object.entries(way.files ?? {}))
    fs.writeFileSync(path.join(folder, file), text(registry.url));
  for (const [file, text] of Object.entries(PROGRAMS)) fs.writeFileSync(path.join(folder, file), text);

  const manager = way.native
    ? [path.join(place, way.bin)]
    : [
        node,
        path.join(place, JSON.parse(fs.readFileSync(path.join(place, 'package.json'), 'utf8')).bin?.[way.bin] ?? ''),
      ];
  const [command, ...first] = manager;
  if (way.lock)
    await run(command, [...first, 'install', ...OURS, '--ignore-scripts', '--package-lock-only'], { cwd: folder, env });
  registry.fetched.clear();
  const started = performance.now();
  const install = await run(command, [...first, ...way.install], { cwd: folder, env });
  const seconds = (performance.now() - started) / 1000;
  const others = [...registry.fetched].filter((file) => foreign.has(file));
  const results = { install: install.status === 0 && !compiled(folder) };
  if (!results.install) explain(name, 'install', install);

  // Yarn's Plug'n'Play has no node_modules: its own command runs programs.
  const [ofNode, ofCommand] = way.run
    ? [
        [...manager, 'node'],
        [...manager, 'paligemma'],
      ]
    : [[node], [path.join(folder, 'node_modules', '.bin', 'paligemma')]];
  const checks = {
    caption: [...ofCommand, 'caption', PICTURE, '--model', 'embedded'],
    import: [...ofNode, 'import.mjs'],
    require: [...ofNode, 'require.cjs'],
    worker: [...ofNode, 'worker.cjs'],
  };
  for (const [check, [program, ...args]] of Object.entries(checks)) {
    const result = results.install && (await run(program, args, { cwd: folder, env, network: false }));
    results[check] = result && result.out === CAPTION;
    if (results.install && !results[check]) explain(name, check, result);
  }
  for (const good of Object.values(results)) good ? passed++ : failed++;
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  row([
    name,
    version,
    seconds.toFixed(1),
    (bytes(folder) / 1e6).toFixed(1),
    others.length,
    ...Object.values(results).map((good) => (good ? 'ok' : 'FAIL')),
  ]);
  if (!options.keep) fs.rmSync(folder, { recursive: true, force: true });
}

/** Whether anything was built while it was installed. */
const compiled = (folder) =>
  fs.readdirSync(folder, { recursive: true }).some((file) => /node-paligemma[\\/]build([\\/]|$)/.test(file));

function explain(name, check, { out, err, status }) {
  const last = `${out}\n${err}`.trim().split('\n').slice(-12).join('\n    ');
  console.error(`${name}, ${check}: status ${status}\n    ${last}`);
}

const WIDTHS = [30, 10, 8, 8, 8, 8, 8, 8, 8, 8];
const row = (cells) =>
  console.log(
    cells
      .map((cell, i) => String(cell).padEnd(WIDTHS[i]))
      .join(' ')
      .trimEnd(),
  );

/** Tarballs of a release that has this platform's binaries, and packages with nothing in them for the others. */
function release() {
  if (options.from)
    return fs
      .readdirSync(options.from)
      .filter((name) => name.endsWith('.tgz'))
      .map((name) => path.resolve(options.from, name));
  const platforms = Object.keys(PLATFORMS);
  const others = platforms.filter((platform) => platform !== PLATFORM);
  return [
    packPlatform(PLATFORM),
    packLibrary(platforms),
    packCommands(),
    ...others.map((platform) => stub(platformManifest(platform, 'none.node', []), path.join(work, 'stubs', platform))),
  ];
}

const tarballs = release();
for (const file of tarballs.filter((name) => !name.startsWith(work)))
  console.log(`${(fs.statSync(file).size / 1e6).toFixed(1).padStart(6)} MB packed  ${path.basename(file)}`);
/** Packages of other platforms: whoever fetches them has them for no use. */
const foreign = new Set(tarballs.filter((file) => file.startsWith(work)).map((file) => path.basename(file)));
const registry = await startRegistry(tarballs);
row(['', 'Node', 'seconds', 'MB', 'others', 'install', 'caption', 'import', 'require', 'worker']);
for (const name of named) await installed(name, registry);
registry.close();
if (options.keep) console.log(`kept: ${work}`);
else fs.rmSync(work, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
