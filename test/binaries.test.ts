// Packages of binaries: what they are called, which one is taken, and what is said where none is or where it does not fit.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { platformName } from '../lib/addon/locate.js';
import { PICTURE, ROOT, readJson, scratch } from './helpers/fixtures.js';

const { version } = readJson(path.join(ROOT, 'package.json'));
const ADDON = path.join(process.env.NODE_PALIGEMMA_PREBUILD ?? ROOT, 'build', 'Release', 'paligemma.node');

interface Packages {
  PLATFORMS: Record<string, { os: string; cpu: string; libc?: string }>;
  platformManifest(platform: string, main: string, files: string[]): Record<string, unknown>;
  libraryManifest(platforms: string[]): Record<string, unknown>;
}
let packages: Packages;
beforeAll(async () => {
  packages = await import(pathToFileURL(path.join(ROOT, 'scripts', 'packages.mjs')).href);
});

/** A project with the library as it is released, without an addon of its own. */
function project({ libc }: { libc?: string } = {}): string {
  const folder = scratch('project');
  const modules = path.join(folder, 'node_modules');
  const library = path.join(modules, 'node-paligemma');
  fs.mkdirSync(library, { recursive: true });
  fs.cpSync(path.join(ROOT, 'dist'), path.join(library, 'dist'), { recursive: true });
  fs.symlinkSync(path.join(ROOT, 'models'), path.join(library, 'models'), 'junction');
  const manifest = packages.libraryManifest(Object.keys(packages.PLATFORMS));
  fs.writeFileSync(path.join(library, 'package.json'), JSON.stringify(manifest));
  for (const name of Object.keys(manifest.dependencies as object).map((dependency) => dependency.split('/')[0] ?? ''))
    if (!fs.existsSync(path.join(modules, name)) && !(libc && name === 'detect-libc'))
      fs.symlinkSync(path.join(ROOT, 'node_modules', name), path.join(modules, name), 'junction');
  if (libc)
    place(folder, 'detect-libc', { main: 'a.js' }, `module.exports = { familySync: () => '${libc}', MUSL: 'musl' };`);
  return folder;
}

/** A package in the project. */
function place(folder: string, name: string, manifest: object, main?: string | Buffer): void {
  const target = path.join(folder, 'node_modules', name);
  fs.mkdirSync(target, { recursive: true });
  fs.writeFileSync(path.join(target, 'package.json'), JSON.stringify({ name, ...manifest }));
  if (main) fs.writeFileSync(path.join(target, 'a.js'), main);
}

/** The binaries of this platform. */
function placeAddon(folder: string, of: string): void {
  const name = `@node-paligemma/${platformName()}`;
  place(folder, name, { version: of, main: 'addon.node' });
  fs.copyFileSync(ADDON, path.join(folder, 'node_modules', name, 'addon.node'));
}

/** What the library says there when the addon is wanted. */
function ask(folder: string, { platform = process.platform as string, cwd = folder } = {}): string {
  const file = path.join(folder, 'ask.cjs');
  fs.writeFileSync(
    file,
    `const { PaliGemma, systemInfo } = require('node-paligemma');
    Object.defineProperty(process, 'platform', { value: '${platform}' });
    (async () => {
      systemInfo();
      const model = await PaliGemma.load('embedded');
      console.log(await model.caption(${JSON.stringify(PICTURE)}));
      await model.dispose();
    })().catch((error) => console.log(error.code, error.message));`,
  );
  const { NODE_PALIGEMMA_PREBUILD: _, ...env } = process.env;
  const { stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', env, cwd });
  return (stdout + stderr).trim();
}

test('a backend that is installed and does not load says why', () => {
  const folder = project();
  placeAddon(folder, version);
  const name = `@node-paligemma/${platformName()}-cuda`;
  place(folder, name, { version });
  fs.writeFileSync(path.join(folder, 'node_modules', name, 'libggml-cuda.so'), 'no library');
  const file = path.join(folder, 'ask.cjs');
  fs.writeFileSync(file, "console.log(require('node-paligemma').systemInfo().absent[0].reason);");
  const { NODE_PALIGEMMA_PREBUILD: _, ...env } = process.env;
  const { stdout } = spawnSync(process.execPath, [file], { encoding: 'utf8', env, cwd: folder });
  expect(stdout).toMatch(
    new RegExp(`^${name} is installed and does not load: .*(too short|invalid ELF|not a mach-o|%1)`),
  );
});

describe('the addon', () => {
  test('comes from the package of the platform, in the same version', () => {
    const folder = project();
    placeAddon(folder, version);
    expect(ask(folder)).toBe('an owl and a cat');
  });

  test('is missed with the name of the package, why it may be absent, and the command that builds', () => {
    const folder = project();
    fs.mkdirSync(path.join(folder, 'node_modules', '.bin'));
    fs.writeFileSync(path.join(folder, 'node_modules', '.bin', 'node-paligemma'), '');
    const said = ask(folder);
    expect(said).toMatch(/^ERR_ADDON_NOT_FOUND there is no native addon for/);
    expect(said).toContain(`the package @node-paligemma/${platformName()} is not installed`);
    expect(said).toMatch(/needs no install script.*--omit=optional.*--no-optional.*--ignore-optional.*lock file/);
    expect(said).toMatch(/: npx node-paligemma build$/);
    // npx would fetch a copy of its own there, and build that one.
    expect(ask(folder, { cwd: ROOT })).toMatch(/: node ".*node-paligemma\.mjs" build$/);
  });

  test('is missed with the packages that are for other machines', () => {
    const folder = project();
    place(folder, '@node-paligemma/aix-ppc64', { version });
    expect(ask(folder)).toContain('is not installed (installed: @node-paligemma/aix-ppc64)');
    expect(ask(folder, { platform: 'freebsd' })).toMatch(
      /freebsd-\w+ is not installed.*There is none for this platform, only @node-paligemma\/linux-x64, /,
    );
  });

  (process.platform === 'linux' ? test : test.skip)('for musl is another one than for glibc', () => {
    expect(ask(project({ libc: 'musl' }))).toContain(`@node-paligemma/linux-${process.arch}-musl is not installed`);
    expect(ask(project({ libc: 'glibc' }))).toContain(`@node-paligemma/linux-${process.arch} is not installed`);
  });

  test('that does not load says why', () => {
    const folder = project();
    place(folder, `@node-paligemma/${platformName()}`, { version, main: 'addon.node' });
    fs.writeFileSync(path.join(folder, 'node_modules', '@node-paligemma', platformName(), 'addon.node'), 'broken');
    expect(ask(folder)).toMatch(/^ERR_ADDON_NOT_FOUND the native addon .*addon\.node does not load \(.+\); build one/);
  });
});

describe('versions that differ', () => {
  const both = (what: string, one: string, other: string) =>
    expect.stringMatching(
      `^ERR_VERSION_MISMATCH ${what} is of version ${one}, and node-paligemma of version ${other}:`,
    );

  test('of the package of binaries and the library', () => {
    const folder = project();
    placeAddon(folder, '9.9.9');
    expect(ask(folder)).toEqual(both(`@node-paligemma/${platformName()}`, '9.9.9', version));
  });

  test('of an addon, whatever its package says', () => {
    const folder = project();
    placeAddon(folder, '9.9.9');
    const manifest = path.join(folder, 'node_modules', 'node-paligemma', 'package.json');
    fs.writeFileSync(manifest, JSON.stringify({ ...readJson(manifest), version: '9.9.9' }));
    expect(ask(folder)).toEqual(both('.*addon\\.node', version, '9.9.9'));
  });

  test('of a backend for graphics cards', () => {
    const folder = project();
    placeAddon(folder, version);
    place(folder, `@node-paligemma/${platformName()}-vulkan`, { version: '0.0.9' });
    expect(ask(folder)).toEqual(both(`@node-paligemma/${platformName()}-vulkan`, '0.0.9', version));
  });
});

describe('what is packed', () => {
  test('is installed where it fits, and unpacked by Yarn', () => {
    const names = Object.keys(packages.PLATFORMS);
    expect(names).toContain('linux-arm64-musl');
    for (const name of names) {
      const [os = '', cpu = '', musl] = name.split('-');
      const libc = os === 'linux' ? { libc: [musl ?? 'glibc'] } : {};
      const manifest = packages.platformManifest(name, 'a.node', ['a.node']);
      expect(manifest).toMatchObject({ name: `@node-paligemma/${name}`, version, os: [os], cpu: [cpu], ...libc });
      expect(manifest).toMatchObject({ main: 'a.node', preferUnplugged: true });
      expect('libc' in manifest).toBe(os === 'linux');
      expect(manifest).not.toHaveProperty('scripts');
    }
  });

  test('names the packages of binaries at a release alone, in its own version', () => {
    expect(readJson(path.join(ROOT, 'package.json'))).not.toHaveProperty('optionalDependencies');
    expect(packages.libraryManifest([])).not.toHaveProperty('optionalDependencies');
    const { optionalDependencies } = packages.libraryManifest(['linux-x64', 'win32-x64']);
    const names = ['@node-paligemma/linux-x64', '@node-paligemma/win32-x64'];
    expect(optionalDependencies).toEqual(Object.fromEntries(names.map((name) => [name, version])));
    const { peerDependencies } = readJson(path.join(ROOT, 'package.json'));
    expect(new Set(Object.values(peerDependencies))).toEqual(new Set([version]));
    expect(readJson(path.join(ROOT, 'cli', 'package.json')).dependencies['node-paligemma']).toBe(version);
  });

  test('runs nothing while it is installed', () => {
    const manifest = packages.libraryManifest(['linux-x64']) as { files: string[] };
    expect(manifest).toMatchObject({ gypfile: false, preferUnplugged: true });
    expect(manifest).not.toHaveProperty('scripts');
    expect(manifest).not.toHaveProperty('workspaces');
    expect(manifest.files).not.toContain('binding.gyp');
    const { scripts } = readJson(path.join(ROOT, 'package.json'));
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?(install|prepare)$/.test(name))).toEqual([]);
  });
});
