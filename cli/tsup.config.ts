import { defineConfig } from 'tsup';

export default defineConfig({
  // The sources for test/fuzz; they are in the command line too.
  entry: { cli: 'commands/index.ts', sources: 'batch/sources/open.ts' },
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  sourcemap: true,
  splitting: false,
  clean: false,
});
