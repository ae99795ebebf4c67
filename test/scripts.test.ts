// A process that a signal ended says nothing itself: the script that started it does.
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { ROOT, scratch } from './helpers/fixtures.js';

/** Runs code that has these functions of a script. */
function withScript(script: string, names: string, code: string): SpawnSyncReturns<string> {
  const file = path.join(scratch('scripts'), 'run.mjs');
  const url = pathToFileURL(path.join(ROOT, 'scripts', script));
  fs.writeFileSync(file, `import { ${names} } from '${url}';\n${code}`);
  return spawnSync(process.execPath, [file], {
    encoding: 'utf8',
    env: { ...process.env, PALIGEMMA_TEST_FOLDER: undefined },
  });
}

const dying = (signal: string) =>
  JSON.stringify(['-e', `process.kill(process.pid, '${signal}'); setTimeout(() => {}, 60_000)`]);

(process.platform === 'win32' ? describe.skip : describe)('a signal that ends', () => {
  test.each([
    ['SIGSEGV', 139, 'SIGSEGV (segmentation fault)'],
    ['SIGABRT', 134, 'SIGABRT (aborted)'],
    ['SIGKILL', 137, 'SIGKILL (killed; the system does so when memory runs out)'],
    ['SIGALRM', 142, 'SIGALRM'],
  ])('what npm start runs is told: %s', (signal, status, words) => {
    const run = withScript('setup.mjs', 'runAndExit', `runAndExit('paligemma caption a.png', ${dying(signal)});`);
    expect(run).toMatchObject({ status, stderr: `\npaligemma caption a.png was ended by ${words}\n` });
  });

  test('a step of the build is told', () => {
    const run = withScript('build.mjs', 'main, run', `main(() => run('building the addon', ${dying('SIGKILL')}));`);
    expect(run).toMatchObject({
      status: 137,
      stderr: expect.stringMatching(/^\nbuilding the addon was ended by SIGKILL/),
    });
  });

  test.each([
    [
      'a test',
      `test('works', () => {}); describe('a group', () => test('takes all with it', () => kill()));`,
      ', “a group takes all with it”',
    ],
    ['what stands around tests', `test('works', () => {}); afterAll(() => kill());`, ''],
  ])('%s is told by npm test', (_, code, name) => {
    // This project's configuration of Jest on a folder with one test.
    const root = scratch('dying');
    fs.mkdirSync(path.join(root, 'test'));
    for (const folder of ['node_modules', 'test/helpers'])
      fs.symlinkSync(path.join(ROOT, folder), path.join(root, folder));
    const kill = `const kill = () => { process.kill(process.pid, 'SIGSEGV'); while (true); };`;
    fs.writeFileSync(path.join(root, 'test', 'dies.test.ts'), `${kill}\n${code}`);
    const args = ['--config', path.join(ROOT, 'jest.config.mjs'), '--rootDir', root];
    const run = withScript('test.mjs', 'runTests', `runTests(${JSON.stringify(args)});`);
    expect(run.stderr.split('\n').slice(-2)).toEqual([
      `Jest was ended by SIGSEGV (segmentation fault); it ran last: ${path.relative(ROOT, path.join(root, 'test', 'dies.test.ts'))}${name}`,
      '',
    ]);
    expect(run.status).toBe(139);
  });
});

test('an exit status is handed on', () => {
  expect(withScript('setup.mjs', 'runAndExit', `runAndExit('it', ['-e', 'process.exit(3)']);`)).toMatchObject({
    status: 3,
    stderr: '',
  });
});

test('npm start and npm test build with the flags of the last build', () => {
  const folder = scratch('build');
  const given = [[], ['--cuda'], ['--vulkan', '--debug'], ['--portable']];
  const code = `
    import fs from 'node:fs';
    const folder = ${JSON.stringify(folder)};
    const kept = [[...flagsOfLastBuild(folder)]];
    for (const flags of ${JSON.stringify(given)}) {
      fs.writeFileSync(folder + '/options.json', JSON.stringify(switches(new Set(flags))));
      kept.push([...flagsOfLastBuild(folder)]);
    }
    console.log(JSON.stringify(kept));`;
  const { stdout } = withScript('build.mjs', 'flagsOfLastBuild, switches', code);
  expect(JSON.parse(stdout)).toEqual([[], ...given]);
});
