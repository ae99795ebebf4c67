import { fileURLToPath } from 'node:url';

/** The scenes that come with the package. From the sources the way is the same as from what is built of them. */
export const EMOJI_FOLDER = fileURLToPath(new URL('../evaluate/emoji', import.meta.url));
