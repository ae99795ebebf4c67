import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  build: {
    outDir: '../../dist/page',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    // Example pictures are fetched like files, and the page may connect to its own server alone: no data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
