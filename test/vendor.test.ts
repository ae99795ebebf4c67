// The pin guards what is compiled: a tree that is right is left alone, a tree that is not is named.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { ROOT, scratch } from './helpers/fixtures.js';

describe('vendor/llama.cpp', () => {
  const copy = scratch('vendor');
  const vendor = () =>
    spawnSync(process.execPath, [path.join(copy, 'scripts', 'vendor.mjs')], {
      encoding: 'utf8',
      env: { ...process.env, PATH: '' },
    });
  const file = path.join(copy, 'vendor', 'llama.cpp', 'src', 'llama.cpp');

  beforeAll(() => {
    fs.cpSync(path.join(ROOT, 'vendor'), path.join(copy, 'vendor'), { recursive: true });
    fs.mkdirSync(path.join(copy, 'scripts'));
    fs.copyFileSync(path.join(ROOT, 'scripts', 'vendor.mjs'), path.join(copy, 'scripts', 'vendor.mjs'));
  });

  test('is used offline when it matches the pin', () => {
    expect(vendor()).toMatchObject({ status: 0, stderr: expect.stringMatching(/up to date/) });
  });

  test('is refused, by name, when a file was changed, added or lost', () => {
    const original = fs.readFileSync(file);
    fs.appendFileSync(file, '\n');
    fs.writeFileSync(path.join(copy, 'vendor', 'llama.cpp', 'extra.txt'), 'x');
    expect(vendor()).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/does not match.*src\/llama\.cpp\n.*extra\.txt/s),
    });
    fs.rmSync(file);
    expect(vendor()).toMatchObject({ status: 1, stderr: expect.stringMatching(/src\/llama\.cpp/) });
    fs.writeFileSync(file, original);
    fs.rmSync(path.join(copy, 'vendor', 'llama.cpp', 'extra.txt'));
    expect(vendor().status).toBe(0);
  });

  test('every patch says in its first line what it is for and has one', () => {
    const patches = fs.readdirSync(path.join(ROOT, 'vendor', 'patches'));
    for (const name of patches) {
      const [subject, blank] = fs.readFileSync(path.join(ROOT, 'vendor', 'patches', name), 'utf8').split('\n');
      expect(subject).toMatch(/^[\w-]+: \w/);
      expect(blank).toBe('');
    }
  });
});
