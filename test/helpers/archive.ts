// An application's archive as Electron shows it to its code, for Node, which cannot look into one.
import fs from 'node:fs';
import path from 'node:path';
import { extractAll } from '@electron/asar';
import { ROOT } from './fixtures.js';

/** This package as it is built, and all that it depends on, into a `node_modules`. */
export function copyPackages(modules: string): void {
  const library = path.join(modules, 'node-paligemma');
  for (const part of ['package.json', 'dist', 'models', 'build/Release'])
    fs.cpSync(path.join(ROOT, part), path.join(library, part), { recursive: true });
  const copy = (name: string, from: string, optional = false): void => {
    const found = [path.join(from, 'node_modules', name), path.join(ROOT, 'node_modules', name)].find((folder) =>
      fs.existsSync(folder),
    );
    if (found === undefined && optional) return;
    if (found === undefined) throw new Error(`${name} is not installed`);
    const target = path.join(modules, path.relative(path.join(ROOT, 'node_modules'), found));
    if (fs.existsSync(target)) return;
    fs.cpSync(found, target, { recursive: true, dereference: true });
    const { dependencies, optionalDependencies } = JSON.parse(
      fs.readFileSync(path.join(found, 'package.json'), 'utf8'),
    );
    for (const needed of Object.keys(dependencies ?? {})) copy(needed, found, needed in (optionalDependencies ?? {}));
    for (const wanted of Object.keys(optionalDependencies ?? {})) copy(wanted, found, true);
  };
  const { dependencies } = JSON.parse(fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) copy(name, ROOT);
}

/** What only code reads. Everything else is opened by the system, which knows no archives. */
const READ_BY_CODE = /\.([cm]?js|json|md|txt|html|css|map|[cm]?ts)$|LICENSE|README/;

/**
 * Puts a folder in the archive's place with what is in it. Files that are kept beside it can be seen there too, as in Electron, but
 * where the system opens them they are empty: whoever opens them there instead of beside the archive fails.
 */
export function showArchive(archive: string): void {
  const shown = `${archive}.shown`;
  extractAll(archive, shown);
  for (const entry of fs.readdirSync(shown, { recursive: true, withFileTypes: true }))
    if (entry.isFile() && !READ_BY_CODE.test(entry.name))
      fs.truncateSync(path.join(entry.parentPath ?? entry.path, entry.name));
  fs.rmSync(archive);
  fs.renameSync(shown, archive);
}
