// The built library under other runtimes than Node, and under Node's permission model. npm gives the runtimes.
import { type ExecFileException, execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { PICTURE, ROOT, reference, scratch, within } from './helpers/fixtures.js';

interface Runtime {
  command: string;
  args: string[];
}
const { runtime, project } = (await import(path.join(ROOT, 'scripts', 'runtimes.mjs'))) as {
  runtime(name: string): Runtime;
  project(folder: string): string;
};
const CLI = path.join(ROOT, 'cli', 'dist', 'cli.js');
const OWL = 'an owl and a cat';
const FETCHING = within(300_000); // a hundred megabytes, the first time

interface Ended {
  status: number | null;
  out: string;
  err: string;
}
const run = ({ command, args }: Runtime, cwd: string, ...more: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const done = (_: ExecFileException | null, out: string, err: string) =>
      resolve({ status: child.exitCode, out, err });
    const child = execFile(command, [...args, ...more], { cwd, encoding: 'utf8', timeout: within(120_000) }, done);
  });

/** A project with these programs in it. */
function programs(files: Record<string, string>): string {
  const folder = project(scratch('runtime'));
  const known = `const PICTURE = ${JSON.stringify(PICTURE)};\n`;
  for (const [name, code] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), known + code);
  return folder;
}
const LOAD = `const { PaliGemma } = await import('node-paligemma');\n`;

// Other runtimes do not start with a sanitizer of ours in them.
const unlessSanitized = process.env.ASAN_OPTIONS ? describe.skip : describe;

unlessSanitized.each(['bun', 'deno'])('%s', (name) => {
  let other: Runtime;
  beforeAll(() => {
    other = runtime(name);
  }, FETCHING);

  const told = async (code: string, more: Record<string, string> = {}) => {
    const { status, out, err } = await run(other, programs({ 'a.mjs': LOAD + code, ...more }), 'a.mjs');
    expect({ status, err }).toEqual({ status: 0, err: '' });
    return out.trim().split('\n');
  };

  test('takes pictures of all kinds, streams, answers batches, and disposes', async () => {
    const lines = await told(`
      const fs = await import('node:fs');
      const model = await PaliGemma.load('embedded');
      const bytes = fs.readFileSync(PICTURE);
      const raw = { data: new Uint8Array(64 * 64 * 4).fill(255), width: 64, height: 64, channels: 4 };
      for (const image of [PICTURE, bytes, new Blob([bytes]), 'data:image/png;base64,' + bytes.toString('base64')])
        console.log(await model.caption(image));
      console.log(typeof await model.caption(raw));
      const stream = model.stream('caption', PICTURE, { language: 'en' });
      const pieces = [];
      for await (const text of stream) pieces.push(text);
      console.log(pieces.length > 1, pieces.join(''), (await stream.result).finishReason);
      for await (const _ of model.stream('caption', PICTURE, {})) break;
      for await (const { text, error } of model.batch([PICTURE, '/none.png', PICTURE], { ordered: true })) console.log(text ?? error.code);
      const [{ label, mask }] = await model.segment(PICTURE, 'owl');
      console.log(label, mask.data.length === mask.width * mask.height);
      console.log(await model.generate({ prompt: 'caption en', maxTokens: 900, temperature: 20, signal: AbortSignal.timeout(20) }).catch(({ name }) => name));
      await model.dispose();
      console.log(await model.caption(PICTURE).catch(({ code }) => code));`);
    expect(lines).toEqual([
      ...[OWL, OWL, OWL, OWL, 'string', `true ${OWL} stop`, OWL, 'ERR_INVALID_IMAGE', OWL, 'owl true'],
      ...['TimeoutError', 'ERR_DISPOSED'],
    ]);
  });

  test('ends in order without dispose, in the midst of an answer, and when asked to', async () => {
    expect(await told(`console.log(await (await PaliGemma.load('embedded')).caption(PICTURE));`)).toEqual([OWL]);
    const program = `${LOAD}const model = await PaliGemma.load('embedded');
      model.generate({ prompt: 'caption en', images: Array(12).fill(PICTURE), maxTokens: 900, temperature: 20 }).catch(() => {});
      setTimeout(() => process.exit(7), 40);`;
    expect(await run(other, programs({ 'a.mjs': program }), 'a.mjs')).toMatchObject({ status: 7 });
  });

  test('runs it in worker threads, and survives their end in the midst of their work', async () => {
    const worker = `import { parentPort } from 'node:worker_threads';
      ${LOAD}const model = await PaliGemma.load('embedded', { threads: 1 });
      for (;;) parentPort.postMessage(await model.caption(PICTURE));`;
    const lines = await told(
      `const { Worker } = await import('node:worker_threads');
      const workers = [1, 2].map(() => new Worker(new URL('./worker.mjs', import.meta.url)));
      const first = (worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
      console.log(...await Promise.all(workers.map(first)));
      const model = await PaliGemma.load('embedded', { threads: 1 });
      await Promise.all(workers.map((worker) => worker.terminate()));
      console.log(await model.caption(PICTURE));
      await model.dispose();`,
      { 'worker.mjs': worker },
    );
    expect(lines).toEqual([`${OWL} ${OWL}`, OWL]);
  });

  test('isolates the engine, replaces one that was killed, and ends without dispose', async () => {
    const lines = await told(`
      const { execFileSync } = await import('node:child_process');
      const model = await PaliGemma.load('embedded', { isolated: true });
      console.log(await model.caption(PICTURE));
      const lost = model.generate({ prompt: 'caption en', maxTokens: 900, temperature: 20 }).catch(({ code, signal }) => code + ' ' + signal);
      await new Promise((resolve) => setTimeout(resolve, 50));
      const pids = execFileSync('ps', ['-eo', 'pid,ppid,args'], { encoding: 'utf8' }).split('\\n').map((line) => line.trim().split(/\\s+/))
        .filter(([, parent, ...args]) => Number(parent) === process.pid && args.join(' ').includes('engine-process'));
      for (const [pid] of pids) process.kill(Number(pid), 'SIGKILL');
      console.log(await lost, pids.length);
      console.log(await model.caption(PICTURE));`);
    expect(lines).toEqual([OWL, 'ERR_ENGINE_DIED SIGKILL 1', OWL]);
  });

  test('fetches pictures, but none from private addresses where only public ones are allowed', async () => {
    const lines = await told(`
      const fs = await import('node:fs');
      const server = (await import('node:http')).createServer((request, response) => {
        if (request.url === '/away') response.writeHead(302, { location: '/a.png' }).end();
        else response.end(fs.readFileSync(PICTURE));
      }).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const at = (host, name = 'a.png') => 'http://' + host + ':' + server.address().port + '/' + name;
      const model = await PaliGemma.load('embedded');
      const guarded = await PaliGemma.load('embedded', { imageAccess: { publicUrlsOnly: true } });
      for (const url of [at('127.0.0.1'), at('127.0.0.1', 'away')]) console.log(await model.caption(url));
      for (const host of ['127.0.0.1', 'localhost']) console.log(await guarded.caption(at(host)).catch(({ code }) => code));
      console.log(await guarded.caption(PICTURE));
      process.exit(0);`);
    expect(lines).toEqual([OWL, OWL, 'ERR_INVALID_IMAGE', 'ERR_INVALID_IMAGE', OWL]);
  });

  test('requires it, and converts checkpoints', async () => {
    const required = `const { PaliGemma, PaliGemmaError } = require('node-paligemma');
      PaliGemma.load('embedded').then(async (model) => {
        console.log(await model.caption(PICTURE).finally(() => model.dispose()));
        await model.caption(PICTURE).catch((error) => console.log(error instanceof PaliGemmaError));
      });`;
    const folder = programs({ 'a.cjs': required });
    expect(await run(other, folder, 'a.cjs')).toMatchObject({ status: 0, out: `${OWL}\ntrue\n` });
    const lines = await told(`const { convert } = await import('node-paligemma');
      await convert(${JSON.stringify(reference('pg1-random'))}, 'model', { quantization: 'q8_0' });
      const model = await PaliGemma.load('model');
      console.log((await model.generate({ prompt: 'caption en', images: [PICTURE], maxTokens: 3 })).tokens.length);
      await model.dispose();`);
    expect(lines).toEqual(['3']);
  });

  test('runs the commands', async () => {
    const ended = await run(other, scratch('runtime'), CLI, 'caption', '--model', 'embedded', PICTURE);
    expect(ended).toMatchObject({ status: 0, out: `${OWL}\n` });
  });
});

test(
  'Deno needs to read, to know the environment and to load libraries; to start programs for isolated engines',
  async () => {
    const { command } = runtime('deno');
    const folder = programs({
      'a.mjs': `${LOAD}const model = await PaliGemma.load('embedded', { isolated: process.argv[2] === 'isolated' });
    console.log(await model.caption(PICTURE)); await model.dispose();`,
    });
    const deno = (args: string[], ...more: string[]) =>
      run({ command, args: ['run', '--no-prompt', ...args] }, folder, 'a.mjs', ...more);
    const allowed = ['--allow-read', '--allow-env', '--allow-ffi'];
    expect(await deno(allowed)).toMatchObject({ status: 0, out: `${OWL}\n` });
    for (const flag of allowed)
      expect(await deno(allowed.filter((other) => other !== flag))).toMatchObject({ status: 1, out: '' });
    expect((await deno(allowed, 'isolated')).err).toMatch(/ERR_ENGINE_DIED|it cannot be started.*--allow-run/);
    expect(await deno([...allowed, '--allow-run'], 'isolated')).toMatchObject({ status: 0, out: `${OWL}\n` });
    const convert = `const { convert } = await import('node-paligemma');
      await convert(${JSON.stringify(reference('pg1-random'))}, 'model', { quantization: 'q8_0' });`;
    fs.writeFileSync(path.join(folder, 'convert.mjs'), convert);
    const converting = (args: string[]) =>
      run({ command, args: ['run', '--no-prompt', ...args] }, folder, 'convert.mjs');
    expect(await converting([...allowed, '--allow-write'])).toMatchObject({ status: 1 });
    expect(await converting([...allowed, '--allow-write', '--allow-sys'])).toMatchObject({ status: 0 });
  },
  FETCHING,
);

unlessSanitized.each(['this Node', 'node22', 'node26'])("Node's permission model, of %s", (name) => {
  let node: string;
  let flag: string;
  beforeAll(async () => {
    node = name === 'this Node' ? process.execPath : runtime(name).command;
    const { out } = await run(
      { command: node, args: ['-p', 'process.allowedNodeEnvironmentFlags.has("--permission")'] },
      ROOT,
    );
    flag = out.trim() === 'true' ? '--permission' : '--experimental-permission';
  }, FETCHING);

  const READ = ['--allow-fs-read=/etc/alpine-release', `--allow-fs-read=${ROOT}`];
  const permitted = (folder: string, flags: string[], ...args: string[]) =>
    run({ command: node, args: [flag, ...READ, `--allow-fs-read=${folder}`, ...flags] }, folder, ...args);
  const folder = () =>
    programs({
      'a.mjs': `${LOAD}const options = JSON.parse(process.argv[3] ?? '{}');
        const model = await PaliGemma.load(process.argv[2] ?? 'embedded', options).catch((error) => error);
        if (model instanceof Error) console.log(model.code, model.message);
        else { console.log(await model.caption(PICTURE)); await model.dispose(); }`,
      'worker.mjs': `const { Worker } = await import('node:worker_threads');
        new Worker(new URL('./a.mjs', import.meta.url), { argv: ['embedded'] });`,
    });

  test('to load it takes addons, and to read the project', async () => {
    const project = folder();
    expect(await permitted(project, ['--allow-addons'], 'a.mjs')).toMatchObject({ status: 0, out: `${OWL}\n` });
    expect(await permitted(project, [], 'a.mjs')).toMatchObject({ status: 1, out: '' });
  });

  test('isolated engines take child processes, workers take workers', async () => {
    const project = folder();
    const isolated = ['a.mjs', 'embedded', '{ "isolated": true }'];
    expect((await permitted(project, ['--allow-addons'], ...isolated)).out).toMatch(
      /^ERR_ENGINE_DIED the engine's process died \(it cannot be started: .*restricted/,
    );
    const both = ['--allow-addons', '--allow-child-process'];
    expect(await permitted(project, both, ...isolated)).toMatchObject({ status: 0, out: `${OWL}\n` });
    expect(await permitted(project, ['--allow-addons'], 'worker.mjs')).toMatchObject({ status: 1 });
    const workers = ['--allow-addons', '--allow-worker'];
    expect(await permitted(project, workers, 'worker.mjs')).toMatchObject({ status: 0, out: `${OWL}\n` });
  });

  test('the cache takes its folder for reading and writing, what is in it for reading alone', async () => {
    const project = folder();
    const cacheDir = scratch('cache');
    const load = ['a.mjs', reference('pg1-random'), JSON.stringify({ cacheDir, quantization: 'q8_0' })];
    const read = ['--allow-addons', `--allow-fs-read=${cacheDir}`];
    expect((await permitted(project, read, ...load)).out).toMatch(/restricted/);
    const first = await permitted(project, [...read, `--allow-fs-write=${cacheDir}`], ...load);
    expect(first).toMatchObject({ status: 0 });
    expect(await permitted(project, read, ...load)).toMatchObject({ status: 0, out: first.out });
  });

  test('a batch takes its output for reading and writing, and child processes', async () => {
    const project = folder();
    const output = scratch('output');
    const batch = [
      CLI,
      'batch',
      path.dirname(PICTURE),
      '--model',
      'embedded',
      '--output',
      path.join(output, 'a.jsonl'),
    ];
    const flags = ['--allow-addons', '--allow-child-process', `--allow-fs-read=${output}`];
    const restricted = { status: 1, err: expect.stringMatching(/restricted/) };
    expect(await permitted(project, flags, ...batch)).toMatchObject(restricted);
    const ended = await permitted(project, [...flags, `--allow-fs-write=${output}`], ...batch);
    // Node 26 lets nobody be sure of what is on the disk.
    if (name === 'node26')
      expect(ended).toMatchObject({ status: 1, err: expect.stringMatching(/fsync API is disabled/) });
    else expect(fs.readFileSync(path.join(output, 'a.jsonl'), 'utf8').trim().split('\n')).toHaveLength(6);
    const shown = await permitted(project, flags, ...batch.slice(0, -1), '-');
    expect(shown.out.trim().split('\n')).toHaveLength(6);
  });
});
