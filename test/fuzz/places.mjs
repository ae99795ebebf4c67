import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
export const EMBEDDED = path.join(ROOT, 'models', 'paligemma-emoji-112');
export const REFERENCE = path.join(ROOT, 'test', 'fixtures', 'reference');
export const EMOJI = path.join(ROOT, 'test', 'fixtures', 'emoji');
export const PICTURE = path.join(ROOT, 'examples', 'images', 'owl-and-cat.png');
export const SECOND_PICTURE = path.join(ROOT, 'examples', 'images', 'dog.jpg');
