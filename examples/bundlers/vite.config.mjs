// vite build --config vite.config.mjs        (electron-vite: the same `build` for its main process)
import { defineConfig } from 'vite';

export default defineConfig({
  build: {
    target: 'node20',
    ssr: 'app.js', // for Node, not for browsers
    rollupOptions: { external: [/^node-paligemma(\/|$)/], output: { entryFileNames: 'app.mjs' } },
  },
});
