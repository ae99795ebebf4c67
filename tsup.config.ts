import { defineConfig } from 'tsup';

const common = { target: 'node20', platform: 'node', sourcemap: true, clean: false } as const;
const library = { index: 'lib/index.ts', support: 'lib/support.ts' };
// What pages and preload scripts load is one file each: in a sandbox there is nothing else.
const alone = { ...common, splitting: false } as const;
const page = { ...alone, target: 'es2022', platform: 'browser' } as const;
const main = { 'electron/main': 'lib/electron/main.ts' };
const ofPage = { 'electron/preload': 'lib/electron/preload.ts', 'electron/renderer': 'lib/electron/renderer.ts' };

export default defineConfig([
  { ...common, entry: library, format: ['esm'], shims: true, splitting: true },
  { ...alone, entry: { index: 'lib/common.ts' }, format: ['cjs'], shims: true },
  { ...alone, entry: main, format: ['esm', 'cjs'], shims: true },
  { ...page, entry: ofPage, format: ['esm', 'cjs'] },
  {
    ...page,
    entry: { 'electron/preload-script': 'lib/electron/preload-script.ts' },
    format: ['cjs'],
    external: ['electron'],
  },
  { ...common, entry: { ...library, ...main, ...ofPage }, format: ['esm', 'cjs'], dts: { only: true } },
  { ...alone, entry: { 'engine-process': 'lib/engine/isolated/main.ts' }, format: ['esm'] },
]);
