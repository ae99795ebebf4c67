import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

let root: string | undefined;

/**
 * The folder of this package: the nearest one above this file with our package.json, which is the same from lib/ under
 * test and from dist/.
 */
export function packageRoot(): string {
  if (root) return root;
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!isOurs(path.join(folder, 'package.json'))) {
    const parent = path.dirname(folder);
    if (parent === folder) throw new Error('package.json of node-paligemma not found above its own code');
    folder = parent;
  }
  root = unpacked(folder);
  return root;
}

/** Of a folder inside an Electron archive the unpacked twin: neither binaries nor models can be opened within an archive. */
export const unpacked = (folder: string): string => folder.replace(/app\.asar(?=$|[\\/])/, 'app.asar.unpacked');

/** Of package.json what is read here. */
interface Manifest {
  version: string;
  /** In what is released: the packages of binaries. */
  optionalDependencies?: Record<string, string>;
}

export const packageManifest = (): Manifest =>
  JSON.parse(fs.readFileSync(path.join(packageRoot(), 'package.json'), 'utf8'));

export const packageVersion = (): string => packageManifest().version;

function isOurs(file: string): boolean {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).name === 'node-paligemma';
  } catch {
    return false;
  }
}
