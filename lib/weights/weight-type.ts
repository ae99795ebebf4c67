/** Element types that matrices can be stored in. Norms, biases and the patch and position embeddings stay float32. */
export const WEIGHT_TYPES = ['f32', 'f16', 'bf16', 'q8_0', 'q4_0'] as const;
export type WeightType = (typeof WEIGHT_TYPES)[number];
