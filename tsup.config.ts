import { defineConfig } from 'tsup';

const common = { target: 'node20', platform: 'node', sourcemap: true, clean: false } as const;
const entry = ['lib/index.ts', 'lib/support.ts'];

export default defineConfig([
  { ...common, entry, format: ['esm'], shims: true, splitting: true },
  { ...common, entry: { index: 'lib/common.ts' }, format: ['cjs'], shims: true, splitting: false },
  { ...common, entry, format: ['esm', 'cjs'], dts: { only: true } },
  { ...common, entry: { 'engine-process': 'lib/engine/isolated/main.ts' }, format: ['esm'], splitting: false },
]);
