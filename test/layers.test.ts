// Who may import whom: what keeps the library small and the command line a user of it like any other.
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { ROOT } from './helpers/fixtures.js';

interface Import {
  /** The file, as the repository has it. */
  file: string;
  from: string;
  /** Where a relative one leads, without its extension. */
  target: string | undefined;
}

function importsOf(folder: string): Import[] {
  return fs.readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const file = path.posix.join(folder, name.replaceAll(path.sep, '/'));
    if (!/\.tsx?$/.test(file)) return [];
    const text = fs.readFileSync(path.join(ROOT, file), 'utf8');
    const found = text.matchAll(/(?:^|[\s;}])(?:from\s+|import\s+|import\s*\(\s*|require\s*\(\s*)['"]([^'"]+)['"]/g);
    return [...found].map(([, from = '']) => {
      const target = from.startsWith('.') ? path.posix.join(path.posix.dirname(file), from) : undefined;
      return { file, from, target: target?.replace(/\.js$/, '') };
    });
  });
}

const packageOf = (from: string) => from.split('/', from.startsWith('@') ? 2 : 1).join('/');
const named = (imports: Import[]) => imports.map(({ file, from }) => `${file}: ${from}`);

interface Manifest {
  name: string;
  version: string;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
}
const manifest = (folder: string): Manifest =>
  JSON.parse(fs.readFileSync(path.join(ROOT, folder, 'package.json'), 'utf8'));

const ROOMS = ['batch', 'bench', 'commands', 'completion', 'evaluate', 'fleet', 'serve'];
const library = importsOf('lib');
const PAGE = 'cli/serve/page/';
const ofPage = ({ file }: Import) => file.startsWith(PAGE);
const own = ROOMS.flatMap((name) => importsOf(`cli/${name}`));
const commandLine = own.filter((one) => !ofPage(one));
const page = own.filter((one) => ofPage(one) && !one.file.startsWith(`${PAGE}samples/`)); // samples of code are texts

test('imports are found at all', () => {
  expect(named(library)).toContain('lib/paligemma.ts: ./batch/ask.js');
  expect(named(commandLine)).toContain('cli/commands/program.ts: commander');
  expect(named(commandLine).length).toBeGreaterThan(100);
  const folders = fs
    .readdirSync(path.join(ROOT, 'cli'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).filter((name) => !['dist', 'node_modules', ...ROOMS].includes(name))).toEqual(
    [],
  );
});

describe('the library', () => {
  test('imports nothing of the command line', () => {
    expect(named(library.filter(({ target }) => target !== undefined && !target.startsWith('lib/')))).toEqual([]);
    expect(named(library.filter(({ from }) => /^(node-)?paligemma(\/|$)/.test(from)))).toEqual([]);
  });

  test('uses the packages that it depends on, all of them, and no others', () => {
    const used = library.filter(({ target, from }) => target === undefined && !from.startsWith('node:'));
    // Asked for where they are there.
    const optional = ['electron'];
    expect(
      [...new Set(used.map(({ from }) => packageOf(from)))].filter((name) => !optional.includes(name)).sort(),
    ).toEqual(Object.keys(manifest('.').dependencies).sort());
  });
});

describe("the library's rooms", () => {
  // Public types say what callers see, of every room: they are no code, and known everywhere.
  const TYPES = 'lib/types';
  const inner = library.filter(({ target }) => target !== undefined && target !== TYPES);

  test('go one way, from what a caller says to the addon', () => {
    const below: Record<string, string[]> = {
      electron: ['paligemma', 'engine', 'tasks', 'image', 'base'],
      models: ['hub', 'engine', 'weights', 'checkpoint', 'image', 'base'],
      hub: ['engine', 'weights', 'checkpoint', 'addon', 'base'],
      batch: ['engine', 'tasks', 'image', 'base'],
      engine: ['tasks', 'image', 'weights', 'addon', 'base'],
      tasks: ['image', 'addon', 'base'],
      weights: ['checkpoint', 'addon', 'base'],
      image: ['addon', 'base'],
      checkpoint: ['base'],
      addon: ['base'],
      base: [],
    };
    const entries = fs.readdirSync(path.join(ROOT, 'lib'));
    expect(entries.filter((name) => !name.endsWith('.ts')).sort()).toEqual(Object.keys(below).sort());
    // Those that are public, and what joins the rooms.
    expect(entries.filter((name) => name.endsWith('.ts')).sort()).toEqual(
      ['common', 'index', 'paligemma', 'support', 'types'].map((name) => `${name}.ts`),
    );
    const against = inner.filter(({ file, target }) => {
      const [from, to] = [file, target as string].map((name) => name.split('/')[1] as string) as [string, string];
      return file.split('/').length > 2 && from !== to && !below[from]?.includes(to);
    });
    expect(named(against)).toEqual([]);
  });

  test('have no circle of files', () => {
    const next = new Map<string, Import[]>();
    for (const one of inner) {
      const file = one.file.replace(/\.ts$/, '');
      next.set(file, [...(next.get(file) ?? []), one]);
    }
    const done = new Set<string>();
    const circleFrom = (file: string, way: string[]): string[] => {
      if (way.includes(file)) return [...way, file];
      if (done.has(file) || file === TYPES) return [];
      for (const { target } of next.get(file) ?? []) {
        const circle = circleFrom(target as string, [...way, file]);
        if (circle.length > 0) return circle;
      }
      done.add(file);
      return [];
    };
    for (const file of next.keys()) expect(circleFrom(file, [])).toEqual([]);
  });
});

describe('the command line', () => {
  test("knows the library by its public entries, and its own files: another program's means", () => {
    const strange = commandLine.filter(({ from, target }) =>
      target === undefined
        ? packageOf(from) === 'node-paligemma' && !['node-paligemma', 'node-paligemma/support'].includes(from)
        : !target.startsWith('cli/'),
    );
    expect(named(strange)).toEqual([]);
  });

  test('of one version depends on the library of this version alone', () => {
    expect(manifest('cli').version).toBe(manifest('.').version);
    expect(manifest('cli').dependencies['node-paligemma']).toBe(manifest('.').version);
  });

  test('uses the packages that it depends on, all of them, and no others', () => {
    const used = commandLine.filter(({ target, from }) => target === undefined && !from.startsWith('node:'));
    const { dependencies, peerDependencies } = manifest('cli');
    // Built into it, as the page's packages are: installed it would be 60 MB for a few charts.
    const built = ['echarts'];
    expect([...new Set(used.map(({ from }) => packageOf(from)))].sort()).toEqual(
      [...Object.keys({ ...dependencies, ...peerDependencies }), ...built].sort(),
    );
  });

  test('goes one way: commands use all others, the fleet and the evaluation use batches', () => {
    const below: Record<string, string[]> = {
      commands: ['batch', 'bench', 'completion', 'evaluate', 'fleet', 'serve'],
      completion: [],
      evaluate: ['batch'],
      fleet: ['batch'],
      batch: [],
      bench: [],
      serve: [],
    };
    const against = commandLine.filter(({ file, target }) => {
      const [from, to] = [file, target ?? file].map((name) => name.split('/')[1] as string) as [string, string];
      return from !== to && !target?.endsWith('package.json') && !below[from]?.includes(to);
    });
    expect(named(against)).toEqual([]);
  });
});

test('the page of the server is its own files and Preact: it is built into one, and nothing of it is installed', () => {
  expect(page.length).toBeGreaterThan(50);
  const strange = page.filter(({ file, from, target }) =>
    target === undefined
      ? packageOf(from) !== (file.endsWith('/vite.config.ts') ? 'vite' : 'preact')
      : !target.startsWith(PAGE),
  );
  expect(named(strange)).toEqual([]);
});
