// Where the addon is: a build that lies in this package, or the package of binaries for the platform.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { familySync, MUSL } from 'detect-libc';
import { PaliGemmaError } from '../base/errors.js';
import { packageManifest, packageRoot, packageVersion, unpacked } from '../base/package-root.js';

const SCOPE = '@node-paligemma';

/** As packages of binaries are named: `linux-x64`, and `linux-x64-musl` where the C library is musl (Alpine). */
export const platformName = (): string =>
  `${process.platform}-${process.arch}${familySync() === MUSL ? `-${MUSL}` : ''}`;

/** The folder of a package that belongs to this one, in its version; undefined: it is not installed. */
export function companion(name: string): string | undefined {
  const require = createRequire(import.meta.url);
  let file: string;
  try {
    file = require.resolve(`${name}/package.json`);
  } catch {
    return undefined;
  }
  const { version } = JSON.parse(fs.readFileSync(file, 'utf8'));
  if (version !== packageVersion()) throw versionMismatch(name, version);
  return unpacked(path.dirname(file));
}

/** @throws PaliGemmaError ERR_ADDON_NOT_FOUND, ERR_VERSION_MISMATCH */
export function addonFile(): string {
  const built = builtHere();
  if (built) return built;
  const name = `${SCOPE}/${platformName()}`;
  const folder = companion(name);
  if (folder === undefined) throw notFound(name);
  return path.join(folder, JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).main);
}

/** In build/Release, or in prebuilds/PLATFORM-ARCH. */
function builtHere(): string | undefined {
  const require = createRequire(import.meta.url);
  try {
    return require('node-gyp-build').path(packageRoot());
  } catch {
    return undefined; // all that it throws is that there is none
  }
}

export const versionMismatch = (what: string, version: string | undefined): PaliGemmaError =>
  new PaliGemmaError(
    'ERR_VERSION_MISMATCH',
    `${what} is of ${version ? `version ${version}` : 'an older version'}, and node-paligemma of version ` +
      `${packageVersion()}: they work together in the same version alone. Install both again in one version` +
      (what.startsWith(SCOPE) ? '' : `, or build the addon again: ${buildCommand()}`),
  );

function notFound(name: string): PaliGemmaError {
  const { optionalDependencies = {} } = packageManifest();
  const others = installedCompanions(path.dirname(packageRoot()));
  const why =
    name in optionalDependencies
      ? 'It is an optional dependency, and needs no install script. It is left out by --omit=optional (npm, Bun), ' +
        '--no-optional (pnpm), --ignore-optional (yarn), and by a lock file or a node_modules folder that was made ' +
        'on another platform: delete these and install again.'
      : Object.keys(optionalDependencies).length > 0
        ? `There is none for this platform, only ${Object.keys(optionalDependencies).join(', ')}.`
        : 'This copy of node-paligemma was not released, and names no packages of binaries.';
  return new PaliGemmaError(
    'ERR_ADDON_NOT_FOUND',
    `there is no native addon for ${platformName()}: the package ${name} is not installed` +
      `${others.length > 0 ? ` (installed: ${others.join(', ')})` : ''}, and nothing was built in ` +
      `${path.join(packageRoot(), 'build')}. ${why} Or build it from the sources, for some minutes: ${buildCommand()}`,
  );
}

/** Packages of binaries beside this one: those of another platform, mostly. */
function installedCompanions(modules: string): string[] {
  try {
    return fs.readdirSync(path.join(modules, SCOPE)).map((name) => `${SCOPE}/${name}`);
  } catch {
    return [];
  }
}

/** The command that builds this very copy. npx would fetch another one where it finds none from the current folder. */
export function buildCommand(): string {
  if (process.versions.pnp) return 'yarn node-paligemma build';
  const root = packageRoot();
  const modules = path.dirname(root);
  const project = path.dirname(modules);
  const linked = fs.existsSync(path.join(modules, '.bin', 'node-paligemma'));
  const within = !path.relative(project, process.cwd()).startsWith('..');
  if (path.basename(modules) === 'node_modules' && linked && within) return 'npx node-paligemma build';
  return `node ${JSON.stringify(path.join(root, 'scripts', 'node-paligemma.mjs'))} build`;
}
