import { defineConfig } from 'tsup';

const common = { target: 'node20', platform: 'node', sourcemap: true, splitting: false, clean: false } as const;

export default defineConfig([
  { ...common, entry: ['lib/index.ts'], format: ['esm', 'cjs'], dts: true, shims: true },
  { ...common, entry: { cli: 'lib/cli/index.ts', 'engine-process': 'lib/engine/isolated/main.ts' }, format: ['esm'] },
]);
