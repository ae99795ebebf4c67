import { defineConfig, type Options } from 'tsup';

const common: Options = { format: 'esm', target: 'node20', platform: 'node', clean: false };

export default defineConfig([
  {
    ...common,
    // The sources for test/fuzz; they are in the command line too. The others for `paligemma/server` and `paligemma/metrics`.
    entry: {
      cli: 'commands/index.ts',
      sources: 'batch/sources/open.ts',
      server: 'serve/index.ts',
      metrics: 'evaluate/metrics/index.ts',
    },
    sourcemap: true,
    splitting: true,
  },
  { ...common, entry: { server: 'serve/index.ts', metrics: 'evaluate/metrics/index.ts' }, dts: { only: true } },
]);
