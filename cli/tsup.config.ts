import { defineConfig } from 'tsup';

export default defineConfig({
  entry: { cli: 'commands/index.ts' },
  format: ['esm'],
  target: 'node20',
  platform: 'node',
  sourcemap: true,
  splitting: false,
  clean: false,
});
