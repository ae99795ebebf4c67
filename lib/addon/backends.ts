// Packages that carry a graphics backend: one for each kind of card, beside this one where it is wanted.
import { companion, platformName } from './locate.js';

export interface BackendPackage {
  backend: 'cuda' | 'vulkan';
  /** The package's name. */
  name: string;
  /** Where it is installed; undefined: it is not. */
  folder: string | undefined;
}

/**
 * Those that there are for this platform.
 * @throws PaliGemmaError ERR_VERSION_MISMATCH
 */
export function backendPackages(): BackendPackage[] {
  return (['cuda', 'vulkan'] as const).map((backend) => {
    const name = `@node-paligemma/${platformName()}-${backend}`;
    return { backend, name, folder: companion(name) };
  });
}

export const installedBackends = (): string[] => backendPackages().flatMap(({ folder }) => folder ?? []);
