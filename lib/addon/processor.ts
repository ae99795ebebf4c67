// What the processor can do, and holding it to less, to compare instruction sets.
import fs from 'node:fs';
import path from 'node:path';
import { PaliGemmaError } from '../base/errors.js';
import { addonFile } from './locate.js';
import { native, type ProcessorPeaks } from './native.js';

/** Measures the processor with the instructions that products are computed with. Takes about a second on an idle machine. */
export const measurePeaks = (threads: number): Promise<ProcessorPeaks> => native().measurePeaks(threads);

/** Instruction sets by name, and ggml's name of the library that is compiled for each. */
const LIBRARIES: Partial<Record<NodeJS.Architecture, Record<string, string>>> = {
  x64: {
    sse2: 'x64',
    'sse4.2': 'sse42',
    avx: 'sandybridge',
    avx2: 'haswell',
    'avx2-vnni': 'alderlake',
    avx512: 'skylakex',
    'avx512-vnni': 'icelake',
    'avx512-bf16': 'zen4',
    amx: 'sapphirerapids',
  },
  arm64: { neon: 'armv8.0_1', dotprod: 'armv8.2_1', i8mm: 'armv8.6_1' },
};

/** Of this architecture, the smallest first. */
export const INSTRUCTION_SETS: string[] = Object.keys(LIBRARIES[process.arch] ?? {});

/**
 * Holds the processor to an instruction set, here and in processes that are started after it. Before the addon is loaded.
 * @throws PaliGemmaError ERR_INVALID_ARGUMENT (no such set), ERR_DEVICE_UNAVAILABLE (not in this build)
 */
export function holdTo(set: string): void {
  const library = LIBRARIES[process.arch]?.[set];
  if (library === undefined)
    throw new PaliGemmaError(
      'ERR_INVALID_ARGUMENT',
      `no instruction set ${set}: there are ${INSTRUCTION_SETS.join(', ')}`,
    );
  const built = fs.readdirSync(path.dirname(addonFile())).some((name) => name.includes(`ggml-cpu-${library}.`));
  if (!built)
    throw new PaliGemmaError(
      'ERR_DEVICE_UNAVAILABLE',
      `this build has no code for ${set} alone: prebuilt packages have, and what npm run build -- --portable makes`,
    );
  process.env.GGML_CPU_VARIANT = library; // read by ggml when it looks for its library
}
