// What libraries for Windows want of others.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** Parts of every Windows since 10. */
const SYSTEM = ['advapi32.dll', 'kernel32.dll', 'msvcrt.dll'];

/** @returns what is wanted and neither in the folder nor Windows' own, each with who wants it; `node.exe` where it is not delayed */
export function foreignImports(folder) {
  const names = fs.readdirSync(folder);
  const known = [...SYSTEM, ...names.map((name) => name.toLowerCase())];
  return names.flatMap((name) => {
    const said = execFileSync('x86_64-w64-mingw32-objdump', ['-p', path.join(folder, name)], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const wanted = [...said.matchAll(/DLL Name: (\S+)/g)].map(([, library]) => library);
    return wanted.filter((library) => !known.includes(library.toLowerCase())).map((library) => `${name}: ${library}`);
  });
}
