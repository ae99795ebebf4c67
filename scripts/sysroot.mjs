#!/usr/bin/env node
// Unpacks the C and C++ libraries of Debian 11 (glibc 2.31) for one architecture, to build prebuilt binaries over. Needs apt.
//
//   node scripts/sysroot.mjs x64|arm64 FOLDER
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const RELEASE = 'bullseye';
const PACKAGES = [
  'libc6',
  'libc6-dev',
  'linux-libc-dev',
  'libgcc-s1',
  'libgcc-10-dev',
  'libstdc++6',
  'libstdc++-10-dev',
];
const DEBIAN = { x64: 'amd64', arm64: 'arm64' };

/** Fills `folder`, unless it is filled already. */
export function sysroot(arch, folder) {
  const debian = DEBIAN[arch];
  if (!debian) throw new Error(`there is no Debian architecture for ${arch}; known: ${Object.keys(DEBIAN).join(', ')}`);
  const done = path.join(folder, '.complete');
  if (fs.existsSync(done)) return;
  const state = path.join(folder, '.apt');
  for (const part of ['lists/partial', 'cache/archives/partial', 'etc/preferences.d', 'packages'])
    fs.mkdirSync(path.join(state, part), { recursive: true });
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  fs.writeFileSync(
    path.join(state, 'sources.list'),
    `deb [arch=${debian} signed-by=${keyring}] http://deb.debian.org/debian ${RELEASE} main\n`,
  );
  fs.writeFileSync(path.join(state, 'status'), '');
  const options = [
    `APT::Architecture=${debian}`,
    `APT::Architectures=${debian}`,
    `Dir::Etc::SourceList=${state}/sources.list`,
    'Dir::Etc::SourceParts=-',
    `Dir::State::Lists=${state}/lists`,
    `Dir::State::Status=${state}/status`,
    `Dir::Cache=${state}/cache`,
  ].flatMap((option) => ['-o', option]);
  const run = (command, args, cwd) => execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  run('apt-get', [...options, 'update', '-qq']);
  run('apt-get', [...options, 'download', '-qq', ...PACKAGES], path.join(state, 'packages'));
  for (const file of fs.readdirSync(path.join(state, 'packages')))
    run('dpkg-deb', ['-x', path.join(state, 'packages', file), folder]);
  absoluteLinks(folder);
  fs.rmSync(state, { recursive: true });
  fs.writeFileSync(done, '');
}

/** Links that mean the root of the system mean that of the folder. */
function absoluteLinks(folder) {
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) continue;
    const link = path.join(entry.parentPath ?? entry.path, entry.name);
    const target = fs.readlinkSync(link);
    if (!path.isAbsolute(target)) continue;
    fs.unlinkSync(link);
    fs.symlinkSync(path.relative(path.dirname(link), path.join(folder, target)), link);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [arch, folder] = process.argv.slice(2);
  if (!arch || !folder) {
    console.error('usage: sysroot.mjs x64|arm64 FOLDER');
    process.exit(2);
  }
  sysroot(arch, path.resolve(folder));
}
