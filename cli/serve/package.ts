// This package's own facts. It is the same way off from the sources as from what is built of them.
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);

export const { version } = require('../package.json') as { version: string };

/** What Vite makes of `page`. */
export const PAGE_FOLDER = path.join(path.dirname(require.resolve('../package.json')), 'dist', 'page');
