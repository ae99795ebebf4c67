import { defineConfig } from 'tsup';

const common = { target: 'node20', platform: 'node', sourcemap: true, clean: false } as const;

export default defineConfig([
  {
    ...common,
    entry: ['lib/index.ts', 'lib/support.ts'],
    format: ['esm', 'cjs'],
    dts: true,
    shims: true,
    // The two share their classes: an error of one is an `instanceof` of the other's.
    splitting: true,
  },
  { ...common, entry: { 'engine-process': 'lib/engine/isolated/main.ts' }, format: ['esm'], splitting: false },
]);
