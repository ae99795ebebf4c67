/** The products of matrices, as the patched processor library calls them. */
#pragma once

#include "ggml-cpu-impl.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Bytes of scratch that `ggml_mul_mat` node takes from `paligemma_matmul`; 0 where that is left to ggml. */
size_t paligemma_matmul_scratch(const struct ggml_tensor * node, int threads);

/**
 * Computes a `ggml_mul_mat` node with all threads: dst[c][r] = sum over k of src0[r][k]*src1[c][k], in float32.
 * Every thread of the computation calls it. Returns false, and does nothing, where the work is left to ggml.
 */
bool paligemma_matmul(const struct ggml_compute_params * params, struct ggml_tensor * node);

#ifdef __cplusplus
}
#endif
