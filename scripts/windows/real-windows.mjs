// The Windows that this runs on: with what scripts/windows/wine.mjs offers, for the same tests.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import process from 'node:process';

export class RealWindows {
  #folder;
  /** The checkout itself. */
  project;

  /** @param root of the checkout */
  constructor(root) {
    this.project = root;
    this.#folder = path.join(root, 'build', 'windows');
  }

  prepare() {
    const binaries = path.join(this.project, 'prebuilds', 'win32-x64');
    if (!fs.existsSync(binaries))
      throw new Error(`${binaries} is missing: on Linux, scripts/prebuild.mjs --platform win32 makes it`);
    if (fs.existsSync(path.join(this.project, 'build', 'Release')))
      throw new Error('build/Release would be tested in place of prebuilds/win32-x64: remove it');
  }

  /** The one that runs this, in a folder of its own. */
  node(version) {
    if (version !== process.versions.node) throw new Error(`this is Node ${process.versions.node}, not ${version}`);
    const file = path.join(this.#folder, 'node.exe');
    fs.mkdirSync(this.#folder, { recursive: true });
    if (!fs.existsSync(file)) fs.copyFileSync(process.execPath, file);
    return file;
  }

  run(program, args, { cwd = this.project, env = {}, timeout } = {}) {
    return spawnSync(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      timeout,
    });
  }

  end() {}
}
