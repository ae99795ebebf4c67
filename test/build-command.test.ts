// `node-paligemma build`: what it says where something is missing. That it builds, npm test itself shows.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ROOT, readJson, scratch } from './helpers/fixtures.js';

/** The command in a copy of what the package carries, where these programs are all that there is. */
function command(args: string[], programs: Record<string, string> = {}, prepare = (_: string) => {}) {
  const folder = scratch('package');
  fs.cpSync(path.join(ROOT, 'scripts'), path.join(folder, 'scripts'), { recursive: true });
  fs.mkdirSync(path.join(folder, 'vendor'));
  fs.copyFileSync(path.join(ROOT, 'vendor', 'pin.json'), path.join(folder, 'vendor', 'pin.json'));
  fs.cpSync(path.join(ROOT, 'vendor', 'patches'), path.join(folder, 'vendor', 'patches'), { recursive: true });
  fs.copyFileSync(path.join(ROOT, 'package.json'), path.join(folder, 'package.json'));
  const bin = path.join(folder, 'bin');
  fs.mkdirSync(bin);
  for (const [name, code] of Object.entries(programs))
    fs.writeFileSync(path.join(bin, name), `#!/bin/sh\n${code}\n`, { mode: 0o755 });
  prepare(folder);
  const file = path.join(folder, 'scripts', 'node-paligemma.mjs');
  const env = { ...process.env, PATH: bin, CXX: undefined };
  return { folder, ...spawnSync(process.execPath, [file, ...args], { encoding: 'utf8', env }) };
}

describe('node-paligemma', () => {
  test('says how it is used', () => {
    expect(command(['--help'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^usage: node-paligemma build/),
    });
    expect(command([])).toMatchObject({ status: 2 });
    expect(command(['bild'])).toMatchObject({ status: 2, stderr: expect.stringMatching(/^unknown: bild\n/) });
    const wrong = command(['build', '--fast']);
    expect(wrong).toMatchObject({ status: 2, stderr: expect.stringMatching(/^unknown: --fast\n/) });
    expect(command(['--version']).stdout.trim()).toBe(readJson(path.join(ROOT, 'package.json')).version);
  });

  (process.platform === 'linux' ? describe : describe.skip)('build', () => {
    const tools = { cmake: 'echo cmake version 3.25.1', 'c++': '', ninja: '', git: '' };

    test('names all that is missing, with the commands of the package manager that is there', () => {
      const { status, stderr } = command(['build'], { apk: '' });
      expect(status).toBe(1);
      for (const line of [
        'cmake (3.18 or newer)',
        'a C++17 compiler',
        'make or ninja',
        'npm (to fetch',
        'git (to unpack',
      ])
        expect(stderr).toContain(`  - ${line}`);
      expect(stderr).toMatch(/cmake .*: (sudo )?apk add cmake\n/);
      expect(command(['build']).stderr).toMatch(/ {2}- git \(to unpack llama\.cpp\)\n$/);
      expect(command(['build'], { ...tools, cmake: 'echo cmake version 3.16.3', npm: '' }).stderr).toBe(
        '\nThe native addon cannot be built without\n  - cmake 3.18 or newer, found 3.16.3\n',
      );
    });

    test('says without a network where to put what was fetched elsewhere', () => {
      const npm = '[ "$1" = --version ] || { echo "npm error network" >&2; exit 1; }';
      const { folder, status, stderr } = command(['build'], { ...tools, npm });
      const { package: name, version } = readJson(path.join(ROOT, 'vendor', 'pin.json'));
      expect(status).toBe(1);
      expect(stderr).toMatch(/could not be fetched: .*npm error network/s);
      expect(stderr).toContain(`(npm pack ${name}@${version}), put ${name}-${version}.tgz into ${folder}/vendor,`);
    });

    test('takes from there only what the pin says', () => {
      const { package: name, version } = readJson(path.join(ROOT, 'vendor', 'pin.json'));
      const { status, stderr } = command(['build'], { ...tools, npm: '' }, (folder) =>
        fs.writeFileSync(path.join(folder, 'vendor', `${name}-${version}.tgz`), 'something else'),
      );
      expect(status).toBe(1);
      expect(stderr).toMatch(/the npm package does not match the pin\n +expected sha512-/);
    });
  });
});
