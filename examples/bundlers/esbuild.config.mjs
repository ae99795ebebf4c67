// node esbuild.config.mjs, or: esbuild app.js --bundle --platform=node --format=esm --external:node-paligemma --outfile=dist/app.mjs
import { build } from 'esbuild';

await build({
  entryPoints: ['app.js'],
  outfile: 'dist/app.mjs',
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  external: ['node-paligemma'],
});
