// What tries the packages as strangers get them: other programs of npm, and no network.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const windows = process.platform === 'win32';

/**
 * Installs a package of npm into a folder of its own.
 * @throws Error with what npm said
 */
export function fetchPackage(folder, spec) {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'package.json'), '{ "private": true }');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel', 'error'];
  const { status, stderr, error } = spawnSync(windows ? 'npm.cmd' : 'npm', ['install', spec, ...options], {
    cwd: folder,
    encoding: 'utf8',
    shell: windows,
  });
  if (status !== 0) throw new Error(`npm does not give ${spec}: ${error?.message ?? stderr}`);
}

let unshare;

/** A command that runs without network, where the system lets us take it away; else the command. */
export function withoutNetwork(command, args) {
  unshare ??=
    spawnSync('unshare', ['-rn', 'true']).status === 0
      ? spawnSync('which', ['unshare'], { encoding: 'utf8' }).stdout.trim()
      : '';
  return unshare ? [unshare, ['-rn', command, ...args]] : [command, args];
}
