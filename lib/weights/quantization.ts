// The types that weights can be stored in, by the names people know: what each means in a GGUF file and what it takes.

/** Types of the text model. Norms stay float32 in all of them; the embedding table is spared the coarsest, being the output too. */
export const QUANTIZATIONS = ['f32', 'f16', 'bf16', 'q8_0', 'q6_k', 'q5_k_m', 'q4_k_m', 'q4_0'] as const;
export type Quantization = (typeof QUANTIZATIONS)[number];

/** Types of the vision tower, whose width does not divide into the blocks of 256 that K-quants have. */
export const VISION_QUANTIZATIONS = ['f32', 'f16', 'bf16', 'q8_0', 'q4_0'] as const;
export type VisionQuantization = (typeof VISION_QUANTIZATIONS)[number];

export const DEFAULT_QUANTIZATION: Quantization = 'f16';

/** What goes with a type of the text model: the same, and `q8_0` with anything below eight bits. Measured: docs/quantization.md. */
export const defaultVision = (quantization: Quantization): VisionQuantization =>
  VISION_QUANTIZATIONS.find((type) => type === quantization && type !== 'q4_0') ?? 'q8_0';

/** llama_ftype of llama.h: `general.file_type`. */
export const FILE_TYPE: Record<Quantization, number> = {
  f32: 0,
  f16: 1,
  q4_0: 2,
  q8_0: 7,
  q4_k_m: 15,
  q5_k_m: 17,
  q6_k: 18,
  bf16: 32,
};

export const quantizationOf = (fileType: unknown): Quantization | undefined =>
  QUANTIZATIONS.find((name) => FILE_TYPE[name] === fileType);

/** ggml's types by name: values in a block and bytes that a block takes (ggml-common.h). */
const BLOCKS: Record<string, [values: number, bytes: number]> = {
  f32: [1, 4],
  f16: [1, 2],
  bf16: [1, 2],
  q8_0: [32, 34],
  q6_K: [256, 210],
  q5_K: [256, 176],
  q4_K: [256, 144],
  q5_1: [32, 24],
  q5_0: [32, 22],
  q4_0: [32, 18],
};

export function tensorBytes(type: string, values: number): number {
  const [block, bytes] = BLOCKS[type] ?? [1, 4];
  return (values / block) * bytes;
}
