// Packages that carry a graphics backend: one for each kind of card, beside this one where it is wanted.
import { createRequire } from 'node:module';
import path from 'node:path';
import { unpacked } from '../base/package-root.js';

export interface BackendPackage {
  backend: 'cuda' | 'vulkan';
  /** The package's name. */
  name: string;
  /** Where it is installed; undefined: it is not. */
  folder: string | undefined;
}

/** Those that there are for this platform. */
export function backendPackages(): BackendPackage[] {
  const require = createRequire(import.meta.url);
  return (['cuda', 'vulkan'] as const).map((backend) => {
    const name = `@node-paligemma/${process.platform}-${process.arch}-${backend}`;
    try {
      return { backend, name, folder: unpacked(path.dirname(require.resolve(`${name}/package.json`))) };
    } catch {
      return { backend, name, folder: undefined };
    }
  });
}

export const installedBackends = (): string[] => backendPackages().flatMap(({ folder }) => folder ?? []);
