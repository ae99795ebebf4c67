// Which suites of test/ tell something about Windows, and why the others do not run there.
import fs from 'node:fs';
import path from 'node:path';

export const SUITES = [
  'windows',
  'reference',
  'emoji',
  'emoji-tasks',
  'embedded',
  'batching',
  'scoring',
  'paligemma',
  'failures',
  'gguf',
  'model-folder',
  'convert',
  'image',
  'image-access',
  'local-files',
  'lock',
  'cache',
  'hub',
  'bench',
  'devices',
  'fitting',
  'flag-names',
  'gate',
  'models',
  'progress-bar',
  'schema',
  'sources',
  'tasks',
  'cli',
  'batch/ask',
  'batch/cli',
  'batch/hostile-answers',
  'batch/model',
  'batch/outputs',
  'batch/run',
  'batch/sources',
  'serve/downloads',
  'electron',
  'evaluate/benchmarks',
  'evaluate/captions',
  'evaluate/captions-and-shapes',
  'evaluate/coco',
  'evaluate/command',
  'evaluate/hub',
  'evaluate/metrics',
  'evaluate/rules',
];

/** By reason. */
export const LEFT_OUT = [
  [
    'run programs that only a build from source makes',
    ['as-card', 'engine-stress', 'kernels', 'quantization', 'scheduler'],
  ],
  [
    'need Redis, Chromium or many packages more',
    ['batch/ending', 'batch/fleet', 'electron-page', 'examples', 'serve/clients', 'serve/page'],
  ],
  ['take a quarter of an hour and more where each process starts slowly', ['fuzz', 'serve/ending', 'serve/requests']],
  [
    "are about the checkout and the system's tools",
    ['build-command', 'completion', 'layers', 'made-up-task', 'notices', 'package', 'scripts', 'types', 'vendor'],
  ],
  ["are about Linux' packages and runtimes", ['binaries', 'runtimes']],
  ['sends signals and looks at processes with `ps`', ['isolated']],
];

/** Tests that Wine cannot run, as parts of their names: it has no links to files, no pipes with names and no tar. */
export const NOT_UNDER_WINE = {
  'batch/outputs': [
    'is written by one batch at a time',
    'of somebody else is left alone',
    'a tar with what is too large',
    'a tar is a WebDataset',
    'in a file of its own: out.tar',
  ],
  'batch/sources': ['of the tar program'],
  'local-files': ["in Python's cache"], // of links to files
  'image-access': ['and links that stay there', 'links and dots lead', 'a link that is put there', 'wait for a pipe'],
};

/** @returns suites that are in neither list */
export const unlisted = (root) =>
  fs
    .readdirSync(path.join(root, 'test'), { recursive: true })
    .map((name) => name.replaceAll(path.sep, '/').match(/^(.*)\.test\.ts$/)?.[1])
    .filter((name) => name !== undefined)
    .filter((name) => !SUITES.includes(name) && !LEFT_OUT.some(([, names]) => names.includes(name)));
