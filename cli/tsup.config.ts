import { defineConfig, type Options } from 'tsup';

const common: Options = { format: 'esm', target: 'node20', platform: 'node', clean: false };

export default defineConfig([
  {
    ...common,
    // The sources for test/fuzz; they are in the command line too. The server for `paligemma/server`.
    entry: { cli: 'commands/index.ts', sources: 'batch/sources/open.ts', server: 'serve/index.ts' },
    sourcemap: true,
    splitting: true,
  },
  { ...common, entry: { server: 'serve/index.ts' }, dts: { only: true } },
]);
