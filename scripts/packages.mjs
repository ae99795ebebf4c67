#!/usr/bin/env node
// Makes the packages that are published: build/packages/NAME and, beside it, its tarball.
//
//   node scripts/packages.mjs              for machines of your own: the library, the commands, and the binaries in prebuilds/
//   node scripts/packages.mjs --release    all platforms or none; the library then names their packages as optional
//                                          dependencies, and each package has a bill of materials (from npm)
//
// The library's own package.json never names them: what is not on the registry breaks an installation from a clone.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bundledParts, compiledParts, noticesText } from './notices.mjs';
import { sbom } from './sbom.mjs';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
export const PACKAGES = path.join(ROOT, 'build', 'packages');
const root = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));

class PackagesError extends Error {}

/** Those that there are binaries for. */
export const PLATFORMS = {
  'linux-x64': { os: 'linux', cpu: 'x64', libc: 'glibc' },
  'linux-arm64': { os: 'linux', cpu: 'arm64', libc: 'glibc' },
  'linux-x64-musl': { os: 'linux', cpu: 'x64', libc: 'musl' },
  'linux-arm64-musl': { os: 'linux', cpu: 'arm64', libc: 'musl' },
  'win32-x64': { os: 'win32', cpu: 'x64' },
  'win32-arm64': { os: 'win32', cpu: 'arm64' },
  'darwin-arm64': { os: 'darwin', cpu: 'arm64' },
  'darwin-x64': { os: 'darwin', cpu: 'x64' },
};

export const nameOf = (platform) => `@${root.name}/${platform}`;

/** What all packages say alike. The repository is that of the workflow that publishes: provenance is checked against it. */
function common() {
  const { version, license, author, engines } = root;
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env;
  const url = GITHUB_REPOSITORY && `git+${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}.git`;
  return { version, license, author, engines, ...(url ? { repository: { type: 'git', url } } : {}) };
}

/** What package managers go by: they install what fits the machine. */
function where(platform) {
  const { os, cpu, libc } = PLATFORMS[platform];
  return { os: [os], cpu: [cpu], ...(libc ? { libc: [libc] } : {}) };
}

/** package.json of the binaries for a platform. */
export function platformManifest(platform, main, files) {
  return {
    name: nameOf(platform),
    description: `Binaries of ${root.name} for ${platform}`,
    ...common(),
    ...where(platform),
    main,
    files,
    preferUnplugged: true, // Yarn: no library can be loaded from within an archive
  };
}

/** package.json of the library, as it is packed. */
export function libraryManifest(platforms) {
  const { workspaces, scripts, devDependencies, private: _, ...rest } = root;
  const tools = ['cmake-js', 'node-addon-api']; // `node-paligemma build` takes their versions from here
  return {
    ...rest,
    ...common(),
    devDependencies: Object.fromEntries(tools.map((name) => [name, devDependencies[name]])),
    ...(platforms.length > 0
      ? { optionalDependencies: Object.fromEntries(platforms.map((platform) => [nameOf(platform), root.version])) }
      : {}),
  };
}

/** A fresh folder for a package. */
function fresh(name) {
  const folder = path.join(PACKAGES, name);
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  return folder;
}

const npm = (args, cwd) =>
  execFileSync('npm', args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    shell: process.platform === 'win32',
  });

/** Writes what a package says of itself, and packs it. */
function finish(folder, manifest, parts, { release }) {
  fs.copyFileSync(path.join(ROOT, 'LICENSE'), path.join(folder, 'LICENSE'));
  const extra = [];
  if (parts.length > 0) {
    extra.push('THIRD-PARTY-NOTICES.txt');
    const text = noticesText(`What ${manifest.name} contains that others wrote, and under which licence.`, parts);
    fs.writeFileSync(path.join(folder, 'THIRD-PARTY-NOTICES.txt'), text);
  }
  if (release) {
    extra.push('sbom.cdx.json');
    fs.writeFileSync(path.join(folder, 'sbom.cdx.json'), `${JSON.stringify(sbom(manifest, parts), undefined, 1)}\n`);
  }
  const packed = { ...manifest, files: [...manifest.files, ...extra] };
  fs.writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify(packed, undefined, 2)}\n`);
  const out = npm(['pack', '--silent', '--ignore-scripts', '--pack-destination', PACKAGES], folder);
  return path.join(PACKAGES, out.trim().split('\n').at(-1));
}

/** The binaries for a platform: what lies in prebuilds/PLATFORM. */
export function packPlatform(platform, options = {}) {
  const source = path.join(ROOT, 'prebuilds', platform);
  const files = fs.existsSync(source) ? fs.readdirSync(source).sort() : [];
  const { libc } = PLATFORMS[platform];
  const main = files.find((name) => name.endsWith(libc ? `.${libc}.node` : '.node'));
  if (!main) throw new PackagesError(`prebuilds/${platform} has no addon${libc ? ` for ${libc}` : ''}`);
  const folder = fresh(platform);
  for (const name of files) fs.copyFileSync(path.join(source, name), path.join(folder, name));
  const manifest = platformManifest(platform, main, files);
  const readme = `# ${manifest.name}\n\n${manifest.description}, which installs them by itself.\n`;
  fs.writeFileSync(path.join(folder, 'README.md'), readme);
  return finish(folder, manifest, compiledParts(), options);
}

/** A backend for graphics cards: its library is in the folder already. */
export function packBackend(folder, platform, backend, library, needs = '') {
  const manifest = {
    name: nameOf(`${platform}-${backend}`),
    description: `${backend} backend of ${root.name} for ${platform}`,
    ...common(),
    ...where(platform),
    files: [library],
    preferUnplugged: true,
    peerDependencies: { [root.name]: root.version },
  };
  const readme = `# ${manifest.name}\n\n${manifest.description}. It is found when it is installed beside ${root.name}.\n`;
  fs.writeFileSync(path.join(folder, 'README.md'), `${readme}${needs && `\n${needs}\n`}`);
  return finish(folder, manifest, compiledParts(), { release: true });
}

/** What npm would pack of one of the two packages of this repository, in a folder. */
function unpack(name, args = []) {
  const folder = fresh(name);
  const out = npm(['pack', '--silent', '--pack-destination', folder, ...args], ROOT);
  const tarball = path.join(folder, out.trim().split('\n').at(-1));
  execFileSync('tar', ['-xzf', tarball, '-C', folder, '--strip-components', '1']);
  fs.rmSync(tarball);
  return folder;
}

export function packLibrary(platforms, options = {}) {
  const folder = unpack(root.name);
  return finish(folder, libraryManifest(platforms), [], options);
}

export function packCommands(options = {}) {
  const folder = unpack('paligemma', ['--workspace', 'paligemma']);
  const { scripts, devDependencies, ...manifest } = JSON.parse(
    fs.readFileSync(path.join(folder, 'package.json'), 'utf8'),
  );
  return finish(folder, { ...manifest, ...common() }, bundledParts(), options);
}

/** @returns the tarballs, in the order in which they are published */
export function packAll({ release = false } = {}) {
  const present = Object.keys(PLATFORMS).filter((platform) => fs.existsSync(path.join(ROOT, 'prebuilds', platform)));
  const missing = Object.keys(PLATFORMS).filter((platform) => !present.includes(platform));
  if (release && missing.length > 0)
    throw new PackagesError(`A release has binaries for all platforms. Missing in prebuilds: ${missing.join(', ')}`);
  return [
    ...present.map((platform) => packPlatform(platform, { release })),
    packLibrary(release ? present : [], { release }),
    packCommands({ release }),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { release: { type: 'boolean', default: false } } });
  try {
    for (const file of packAll(values))
      console.log(`${(fs.statSync(file).size / 1e6).toFixed(1).padStart(6)} MB  ${path.relative(ROOT, file)}`);
  } catch (error) {
    if (!(error instanceof PackagesError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}
