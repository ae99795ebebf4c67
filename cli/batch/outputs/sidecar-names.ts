import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { PICTURES } from '../sources/pictures.js';

/** Who trains on pictures with their texts looks for that of `IMG_1.jpg` in `IMG_1.txt`, and reads these kinds. */
const FIRST = ['.jpg', '.jpeg', '.png', '.webp'];
const NONE: ReadonlyMap<string, string> = new Map();

/** Names that are one file on this platform are equal. */
const fold = (name: string): string =>
  process.platform === 'win32' || process.platform === 'darwin' ? name.toLowerCase() : name;

/**
 * Where a picture's text is: `IMG_1.txt` beside `IMG_1.jpg`. Of several pictures in a folder that differ in their endings alone,
 * the first has that one (in the order of {@link FIRST}, then by name), another one has its own: `IMG_1.HEIC.txt`. So it follows
 * from what is in the folder alone, whatever is asked for, in whichever order and how often.
 */
export class SidecarNames {
  /** By folder and stem, where there are several: the first one. */
  readonly #folders = new Map<string, ReadonlyMap<string, string>>();

  /** @returns its path, and which other picture has the plain name */
  of(image: string): { target: string; other?: string } {
    const file = /^file:/i.test(image) ? fileURLToPath(image) : image;
    const stem = file.replace(/\.[^./\\]*$/, '');
    const folder = path.dirname(file);
    const first = this.#firsts(folder).get(fold(path.basename(stem)));
    if (first === undefined || fold(first) === fold(path.basename(file))) return { target: `${stem}.txt` };
    return { target: `${file}.txt`, other: path.join(folder, first) };
  }

  #firsts(folder: string): ReadonlyMap<string, string> {
    const known = this.#folders.get(folder);
    if (known) return known;
    const found = firstOfEach(listing(folder));
    this.#folders.set(folder, found);
    return found;
  }
}

function firstOfEach(names: string[]): ReadonlyMap<string, string> {
  const stemOf = (name: string) => fold(path.parse(name).name);
  const pictures = names.filter((name) => PICTURES.test(name));
  const seen = new Set<string>();
  const several = new Set<string>();
  for (const stem of pictures.map(stemOf)) (seen.has(stem) ? several : seen).add(stem);
  if (several.size === 0) return NONE;
  const sorted = pictures.filter((name) => several.has(stemOf(name))).sort(byRank);
  return new Map(sorted.reverse().map((name) => [stemOf(name), name])); // the first one is entered last, and stays
}

function rank(name: string): number {
  const place = FIRST.indexOf(path.extname(name).toLowerCase());
  return place < 0 ? FIRST.length : place;
}

const byRank = (a: string, b: string): number => rank(a) - rank(b) || (a < b ? -1 : 1);

function listing(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return []; // the picture itself cannot be read either
  }
}
